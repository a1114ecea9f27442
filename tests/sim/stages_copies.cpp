// SPDX-License-Identifier: GPL-2.0-or-later
// Copies that are made one at a time, or wait while logs are replayed.
#include "tests/sim/bad_days.hpp"
#include "tests/sim/operators.hpp"
#include "tests/sim/stages.hpp"

namespace mars::sim {

using namespace std::chrono_literals;
using env::sim::Fault;
using env::sim::Operation;

namespace {

// So many copies at a time as the operator allows, over lines on which they take a while.
bool limit_copies(Run& run) {
    auto& node = run.any();
    if (!node.is_up() || node.is_stopping || run.outside.contains(&node)) return false;
    std::vector<SimResource*> copied;
    for (auto& resource : run.cluster.resources())
        if (resource->has_member(node) && !node.has_device(*resource) && !run.is_fetching_back(*resource) &&
            run.primary_of(*resource) != node.name())
            copied.push_back(resource.get());
    auto& commands = run.cluster.commands();
    if (copied.size() < 2 || commands.run(node, {"set-global-sync-limit-value", "1"}).exit != 0) return false;
    run.pass(11s);
    auto& network = run.cluster.world().network();
    std::vector<env::sim::Way*> ways;
    for (auto& other : run.cluster.nodes())
        if (other.get() != &node) ways.push_back(&network.way(other->machine.address(), node.machine.address()));
    for (auto* way : ways) way->latency = 200ms;
    run.tell("copies to " + node.name() + " are made one at a time, over long lines");
    for (auto* resource : copied)
        if (node.is_up() && !node.has_device(*resource))
            commands.begin(node, {"invalidate", resource->name, "--timeout=10"});
    run.pass(12s);
    for (auto* way : ways) way->latency.reset();
    return true;
}

// A member whose copy can start over, and the primary is at work.
Node* any_copy(Run& run, SimResource& resource) {
    const auto* holder = run.any_holder(resource);
    auto& node = run.any_member(resource);
    if (!holder || &node == holder || holder->is_stopping || run.is_fetching_back(resource)) return nullptr;
    if (!node.is_up() || node.is_stopping || run.outside.contains(&node) || run.past(resource).left.contains(&node))
        return nullptr;
    run.cluster.world().network().heal_all();
    return &node;
}

// A copy begins, over a line that is so long that a switch can be turned before it is complete.
void begin_copy(Run& run, Node& node, SimResource& resource, const char* off) {
    auto& network = run.cluster.world().network();
    auto& commands = run.cluster.commands();
    commands.run(node, {"up", resource.name, "--timeout=10"});
    std::vector<env::sim::Way*> ways;
    for (auto& other : run.cluster.nodes())
        if (other.get() != &node) ways.push_back(&network.way(other->machine.address(), node.machine.address()));
    for (auto* way : ways) way->latency = 300ms;
    commands.run(node, {"invalidate", resource.name, "--timeout=10"});
    commands.run(node, {off, resource.name, "--timeout=10"});
    for (auto* way : ways) way->latency.reset();
}

// The copy is switched off; logs are replayed meanwhile, but not beyond what is on the primary's disk, which lags
// behind: what is copied then would be older.
bool let_a_copy_wait(Run& run) {
    auto& resource = run.any_resource();
    auto* node = any_copy(run, resource);
    if (!node) return false;
    begin_copy(run, *node, resource, "pause-sync");
    auto* holder = run.any_holder(resource);
    if (!holder) return false;
    Fault fault;
    fault.pattern = resource.disk;
    fault.operations = {Operation::write};
    fault.stands_still = true;
    fault.from = run.cluster.world().now();
    fault.to = fault.from + 12s;
    begin_fault(run, *holder, fault, resource.disk);
    run.pass(run.between(3s, 8s));
    run.cluster.commands().run(*node, {"resume-sync", resource.name, "--timeout=10"});
    return true;
}

// No logs come while the disk is copied: only with what is still to come, it is a state that there ever was.
bool copy_without_logs(Run& run) {
    auto& resource = run.any_resource();
    auto* node = any_copy(run, resource);
    if (!node) return false;
    begin_copy(run, *node, resource, "pause-sync");
    auto& commands = run.cluster.commands();
    commands.run(*node, {"pause-fetch", resource.name, "--timeout=10"});
    run.pass(run.between(500ms, 2s)); // what is written meanwhile is on the primary's disk, and not yet told
    commands.run(*node, {"resume-sync", resource.name, "--timeout=10"});
    run.pass(run.between(1s, 10s));
    if (node->is_up() && run.random.chance(30)) run.crash(*node, run.random.chance(50));
    if (node->is_up()) commands.run(*node, {"resume-fetch", resource.name, "--timeout=10"});
    return true;
}

constexpr Stage kCopyStages[] = {
    {.name = "one copy at a time", .weight = 4, .needs_all_data = true, .needs_no_verbs = true, .run = limit_copies},
    {.name = "a copy waits", .weight = 4, .needs_all_data = true, .needs_no_verbs = true, .run = let_a_copy_wait},
    {.name = "a copy without logs",
     .weight = 4,
     .needs_all_data = true,
     .needs_no_verbs = true,
     .run = copy_without_logs},
};

} // namespace

const Family kCopies{"copies", "copies are made one at a time, or wait while logs are replayed", kCopyStages};

} // namespace mars::sim
