// SPDX-License-Identifier: GPL-2.0-or-later
// What happens every day: handovers in order, switches, rotation, copies that start over.
#include "tests/sim/bad_days.hpp"
#include "tests/sim/operators.hpp"
#include "tests/sim/stages.hpp"

namespace mars::sim {

using namespace std::chrono_literals;

namespace {

bool let_it_run(Run&) {
    return true;
}

bool heal_lines(Run& run) {
    run.cluster.world().network().heal_all();
    return true;
}

bool hand_over_in_order(Run& run) {
    auto& resource = run.any_resource();
    auto* target = any_host_for(run, resource);
    if (!target) return false;
    hand_over(run, resource, {target});
    return true;
}

bool turn_a_switch(Run& run) {
    static constexpr const char* verbs[] = {"pause-fetch", "resume-fetch", "pause-replay", "resume-replay",
                                            "pause-sync",  "resume-sync",  "disconnect",   "connect",
                                            "detach",      "attach",       "up",           "up"};
    auto& resource = run.any_resource();
    auto* node = any_host_for(run, resource);
    if (!node) return false;
    run.cluster.commands().run(*node, {verbs[run.random.below(std::size(verbs))], resource.name, "--timeout=10"});
    return true;
}

bool rotate_log(Run& run) {
    auto& resource = run.any_resource();
    auto* holder = run.any_holder(resource);
    auto* node = holder ? holder : any_host_for(run, resource);
    if (!node) return false;
    auto& commands = run.cluster.commands();
    commands.run(*node, {"log-rotate", resource.name});
    if (run.random.chance(50) && !run.is_fetching_back(resource))
        commands.run(run.any(), {"log-delete-all", resource.name});
    return true;
}

// The log before cannot be closed yet: a disk hesitates.
bool rotate_twice(Run& run) {
    auto& resource = run.any_resource();
    auto* holder = run.any_holder(resource);
    if (!holder || holder->is_stopping) return false;
    env::sim::Fault fault;
    fault.pattern = resource.disk;
    fault.operations = {env::sim::Operation::write};
    fault.stands_still = true;
    fault.from = run.cluster.world().now();
    fault.to = fault.from + run.between(2s, 6s);
    begin_fault(run, *holder, fault, resource.disk);
    for (int i = 0; i < 2; ++i) {
        run.pass(run.between(500ms, 1500ms));
        if (holder->is_up()) run.cluster.commands().run(*holder, {"log-rotate", resource.name});
    }
    return true;
}

bool start_a_copy_over(Run& run) {
    auto& resource = run.any_resource();
    auto* node = any_host_for(run, resource);
    if (!node || node->has_device(resource) || run.is_fetching_back(resource)) return false;
    run.cluster.commands().run(*node, {"invalidate", resource.name, "--timeout=10"});
    return true;
}

constexpr Stage kEverydayStages[] = {
    {.name = "let it run", .weight = 3, .run = let_it_run},
    {.name = "heal all lines", .weight = 2, .run = heal_lines},
    {.name = "hand over", .weight = 4, .run = hand_over_in_order},
    {.name = "turn a switch", .weight = 2, .run = turn_a_switch},
    {.name = "rotate the log", .weight = 2, .run = rotate_log},
    {.name = "rotate twice while the disk hesitates", .weight = 1, .run = rotate_twice},
    {.name = "invalidate", .weight = 1, .run = start_a_copy_over},
};

} // namespace

const Family kEveryday{"everyday", "handovers in order, switches, rotation, copies that start over; in each run",
                       kEverydayStages};

} // namespace mars::sim
