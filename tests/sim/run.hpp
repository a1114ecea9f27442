// SPDX-License-Identifier: GPL-2.0-or-later
// Run: one seeded run of a cluster while it goes on, and what its judge remembers of what was done to it.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kernel/env/sim/strangers.hpp"
#include "kernel/format/log_name.hpp"
#include "tests/sim/cluster.hpp"
#include "tests/sim/invariants.hpp"
#include "tests/sim/plan.hpp"
#include "tests/sim/story.hpp"

namespace mars::sim {

// A bit that was flipped in a log, or a sector of it that cannot be read.
struct DamagedByte {
    std::string path;
    std::size_t at = 0;
    std::byte value{};
    bool is_unreadable = false;
};

// What was done to one resource.
struct Past {
    Node* put_back = nullptr;    // the primary that was put back to an older picture last
    Node* without_log = nullptr; // the primary whose log was removed while it was down
    Node* damaged = nullptr;     // the primary whose log was damaged last
    DamagedByte damaged_byte;
    NodeSet whole;        // whose picture is that of a synced replica
    NodeSet doubtful;     // their disk may not be what it was
    NodeSet rewritten;    // a log of theirs was removed and is written anew
    NodeSet changed;      // an operator may have to help
    NodeSet left;         // members that have begun to leave it, and shall be members again at the end
    bool is_gone = false; // its deletion has begun; to be made again on the first member
};

class Run {
  public:
    Run(std::uint64_t seed, const ScenarioOptions& options);

    bool is_fine() const { return wrong.empty(); }
    // The verdict: the first one counts.
    void report(const std::string& what);
    void tell(const std::string& what) { story.tell(what); }
    void count(std::string_view what) { ++drawn[std::string(what)]; }
    void pass(Duration span) { cluster.world().run_for(span); }
    Past& past(const SimResource& resource) { return pasts_[&resource]; }

    // Random ones.
    Node& any();
    SimResource& any_resource();
    Node& any_member(SimResource& resource);
    Node* any_holder(SimResource& resource); // who has the device; nullptr: nobody
    Duration between(Duration low, Duration high) { return random.between(low, high); }

    // True when what a primary has lost is with others only: nobody in his senses throws away anything then.
    bool is_fetching_back(const SimResource& resource);
    bool is_fetching_back(); // any
    // True when somebody may need what only this host has.
    bool is_needed(const Node& node, const SimResource& resource);
    bool is_needed(const Node& node);
    // Pulled out just now.
    bool has_no_disk(const Node& node, const SimResource& resource) const;
    bool has_no_disk(const Node& node) const;            // any
    std::string primary_of(const SimResource& resource); // as the first host has it
    std::optional<format::LogName> newest_log(const Node& node, const SimResource& resource) const;

    // Things that several stages do.
    void boot_all();
    void crash(Node& node, bool power_cut); // and looks at what its disks hold
    void forget_copies(Node& node);         // an older state of its tree may come

    const ScenarioOptions options;
    const Plan plan;
    Story story;
    Cluster cluster;
    Invariants invariants{*this};
    env::sim::SeededRandom& random;
    std::map<const Node*, env::sim::NameMap, ByName> pictures;
    NodeSet moved;        // hosts whose address has changed: not everybody may know
    NodeSet outside;      // hosts that have begun to leave the cluster
    bool is_over = false; // no line breaks any more
    std::string wrong;
    std::map<std::string, std::uint64_t> drawn; // stages and what came of them
    std::uint64_t crashes = 0, handovers = 0;
    std::vector<std::function<void()>> cures; // of what was broken; at the end
    env::sim::Strangers& strangers();
    env::sim::Strangers& strangers_on(Node& node); // a program of that host that is not marsd; the host is up

  private:
    struct Stranger {
        explicit Stranger(env::sim::Machine& machine) : process(machine.start_process("stranger")), calls(*process) {}
        ~Stranger() {
            if (!process->is_dead()) process->kill();
        }
        std::unique_ptr<env::sim::Process> process;
        env::sim::Strangers calls;
    };
    std::unique_ptr<Stranger> stranger_;
    std::vector<std::unique_ptr<Stranger>> on_members_;

    std::map<const SimResource*, Past> pasts_;
};

} // namespace mars::sim
