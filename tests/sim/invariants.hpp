// SPDX-License-Identifier: GPL-2.0-or-later
// Invariants: what holds at every change of a tree, looked at when a host changes a key that tells of itself:
//   - a copy is told as complete only when, since it began, the position that replay must reach has been told;
//   - a published length of a log is not more than what is durable of it on that host;
//   - one host is primary: nobody else who says so has the device;
//   - what a host has seen of a role is durable there;
//   - a new copy, with the log behind it, is a past state of the primary as soon as that can be judged.
// Hosts as a whole: host_watch.hpp.
// Each one reports to the run host, key and value, what was expected, and what was found.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "kernel/format/log_name.hpp"
#include "tests/sim/host_watch.hpp"
#include "tests/sim/resource.hpp"

namespace mars::sim {

class Run;

class Invariants {
  public:
    explicit Invariants(Run& run);
    ~Invariants();
    Invariants(const Invariants&) = delete;
    Invariants& operator=(const Invariants&) = delete;
    // What is known of copies on that host is void: an older state of its tree may come.
    void forget_copies(const Node& node);

  private:
    // A key that `node` has about itself.
    struct Change {
        Node& node;
        SimResource& resource;
        std::string key;   // below the resource
        std::string value; // empty: removed
    };
    // A copy under way.
    struct Copy {
        Duration began;
        bool has_end = false; // `syncpos` was told since then
    };

    void on_change(Node& node, const std::string& path);
    void look_at(const Change& change);
    void check_copy(const Change& change);
    void check_version(const Change& change);
    void check_replay(const Change& change);
    void check_length(const Change& change, const format::LogName& log, std::int64_t length);
    void check_primary(const Change& change);
    void check_role(const Change& change);
    void check_fresh(const Change& change);
    bool is_past_end(const Change& change) const;
    void report(const Change& change, const std::string& expected, const std::string& found);

    Run& run_;
    std::map<std::string, SimResource*> resources_; // by the name of their directory in /mars
    std::map<const SimResource*, std::map<const Node*, Copy>> copies_;
    std::map<const SimResource*, std::set<const Node*>> fresh_; // copies that are complete; not looked at yet
    HostWatch hosts_;
};

} // namespace mars::sim
