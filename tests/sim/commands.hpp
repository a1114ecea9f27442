// SPDX-License-Identifier: GPL-2.0-or-later
// Commands: the calls of marsadm on the simulated hosts; some run while others do, and while everything else goes on.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/resource.hpp"
#include "tests/sim/sim_operator.hpp"
#include "tests/sim/story.hpp"

namespace mars::sim {

class Cluster;

struct VerbResult {
    int exit = -1; // -1: the host died, the call was killed, or did not end in time
    std::string answer, error, warning;
};

// What happens to the first of several commands while it runs, or to its world.
struct Trouble {
    enum class Kind { interrupt, kill, other };
    Duration at{};
    Kind kind = Kind::other;
    std::function<void()> other = {};
};

class Commands {
  public:
    Commands(Cluster& cluster, Story& story);
    ~Commands();

    // Runs a verb of marsadm on a host to its end.
    VerbResult run(Node& node, std::vector<std::string> words, Duration limit = std::chrono::seconds(120),
                   std::optional<Trouble> trouble = std::nullopt);
    // The same verb on several hosts, each begun up to 0.2 s after the one before.
    std::vector<VerbResult> run_all(const std::vector<Node*>& nodes, std::vector<std::string> words,
                                    Duration limit = std::chrono::seconds(120),
                                    std::optional<Trouble> trouble = std::nullopt);

    // Begins a verb that runs beside everything that comes, until reap() finds that it has ended.
    void begin(Node& node, std::vector<std::string> words);
    std::size_t running() const { return background_.size(); }
    // Forgets the calls that have ended.
    void reap();
    // Ctrl-C, or SIGKILL, for the one begun first.
    void interrupt_one();
    void kill_one();
    // Waits until all have ended; after `limit` they are interrupted.
    void finish(Duration limit);
    // A call that is known by this is under way.
    bool is_alive(std::string_view identity) const { return callers_.is_alive(identity); }
    // The calls vanish; for the end of the simulation.
    void clear();

  private:
    struct Call;
    VerbResult end(Call& call, bool has_time);

    Cluster& cluster_;
    Story& story_;
    Callers callers_;
    std::list<std::unique_ptr<Call>> background_;
};

} // namespace mars::sim
