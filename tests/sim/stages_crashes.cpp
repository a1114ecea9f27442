// SPDX-License-Identifier: GPL-2.0-or-later
// Power cuts and kills of hosts and of marsd, also during verbs and shortly after; and orderly restarts of marsd.
#include <algorithm>

#include "tests/sim/operators.hpp"
#include "tests/sim/stages.hpp"

namespace mars::sim {

using namespace std::chrono_literals;

namespace {

constexpr Duration kBackSoon = 9s; // the guard of a start whose hosts do not all answer is 10 s

void come_back_mostly(Run& run, Node& node) {
    if (!run.random.chance(70)) return;
    run.pass(run.between(0s, 3s));
    if (node.is_up()) return;
    run.tell(node.name() + " boots");
    run.cluster.boot(node);
}

bool crash_a_host(Run& run) {
    auto& node = run.any();
    if (!node.is_up()) return false;
    run.crash(node, run.random.chance(50));
    come_back_mostly(run, node);
    return true;
}

bool kill_marsd(Run& run) {
    auto& node = run.any();
    if (!node.is_up()) return false;
    run.forget_copies(node);
    run.tell("marsd on " + node.name() + " is killed");
    run.cluster.kill_marsd(node);
    come_back_mostly(run, node);
    return true;
}

bool cut_power_during_a_verb(Run& run) {
    auto& resource = run.any_resource();
    auto* node = any_host_for(run, resource);
    const auto words = any_verb(run, resource);
    if (!node || !is_sensible(run, *node, resource, words)) return false;
    run.cluster.commands().begin(*node, words);
    run.pass(run.between(0ms, run.random.chance(70) ? 300ms : 5s));
    auto& victim = run.random.chance(70) ? *node : run.any_member(resource);
    if (!victim.is_up()) return false;
    run.crash(victim, true);
    come_back_mostly(run, victim);
    return true;
}

bool cut_power_after_a_verb(Run& run) {
    auto& resource = run.any_resource();
    auto* node = any_host_for(run, resource);
    const auto words = any_verb(run, resource);
    if (!node || !is_sensible(run, *node, resource, words)) return false;
    run.cluster.commands().run(*node, words, 60s);
    run.pass(run.between(0ms, run.random.chance(50) ? 200ms : 5s));
    if (!node->is_up()) return false;
    run.crash(*node, true);
    come_back_mostly(run, *node);
    return true;
}

// True when marsd has ended.
bool has_stopped(Run& run, Node& node) {
    return run.cluster.world().run_until([&] { return !node.is_up(); }, 60s);
}

bool stop_applications_of(Run& run, Node& node) {
    for (auto& resource : run.cluster.resources())
        if (!run.cluster.stop_application(node, *resource)) return false;
    return true;
}

void restart(Run& run, Node& node) {
    if (run.random.chance(30)) run.pass(run.between(0s, 10s));
    if (node.is_up()) return;
    run.tell(node.name() + ": marsd starts");
    run.cluster.boot(node);
}

// What hangs in a disk that stands still does not end: systemd loses its patience.
void expect_stopped(Run& run, Node& node, const std::string& when) {
    if (has_stopped(run, node)) return;
    if (node.machine.filesystem().faults().is_empty())
        return run.report("marsd on " + node.name() + " does not end, " + when);
    run.tell("marsd on " + node.name() + " hangs, and is killed");
    run.crash(node, false);
}

bool restart_in_order(Run& run) {
    auto& node = run.any();
    if (!node.is_up() || !node.has_started || node.is_stopping || !stop_applications_of(run, node)) return false;
    run.tell("marsd on " + node.name() + " is stopped");
    run.forget_copies(node);
    run.cluster.begin_stop(node);
    expect_stopped(run, node, "nobody has a device open");
    restart(run, node);
    return true;
}

// systemd stops what uses a device some time after it has asked marsd to end; or its patience ends.
bool restart_with_open_devices(Run& run) {
    auto& node = run.any();
    if (!node.is_up() || !node.has_started || node.is_stopping) return false;
    run.tell("marsd on " + node.name() + " is stopped while devices are open");
    run.forget_copies(node);
    run.cluster.begin_stop(node);
    run.pass(run.between(0s, 8s));
    if (node.is_up() && run.random.chance(30)) {
        run.crash(node, run.random.chance(50));
    } else if (node.is_up()) {
        const bool is_closed = stop_applications_of(run, node);
        expect_stopped(run, node, is_closed ? "the devices were closed" : "an application cannot close its device");
    }
    restart(run, node);
    return true;
}

// A host that has nothing to do with a resource is down: the primary's device is back soon after a restart all the
// same.
bool restart_without_a_stranger(Run& run) {
    auto& resource = run.any_resource();
    auto* holder = run.any_holder(resource);
    auto& nodes = run.cluster.nodes();
    const auto stranger =
        std::find_if(nodes.begin(), nodes.end(), [&](auto& node) { return !resource.has_member(*node); });
    if (!holder || stranger == nodes.end() || !is_everybody_well(run, resource) || !is_calm(run)) return false;
    run.pass(10s); // all are connected
    if (!holder->has_device(resource) || run.primary_of(resource) != holder->name()) return false;
    run.crash(**stranger, run.random.chance(50));
    run.forget_copies(*holder);
    run.tell("marsd on " + holder->name() + " is killed, and starts");
    run.cluster.kill_marsd(*holder);
    run.cluster.boot(*holder);
    const auto has_device = [&] { return holder->has_device(resource); };
    if (!run.cluster.world().run_until(has_device, kBackSoon))
        run.report(resource.name + ": " + holder->name() + " has no device " + std::to_string(kBackSoon / 1s) +
                   " s after a restart; all members run, only " + (*stranger)->name() + " does not, which is none");
    return true;
}

constexpr Stage kCrashStages[] = {
    {.name = "crash a host", .weight = 5, .run = crash_a_host},
    {.name = "kill marsd", .weight = 2, .run = kill_marsd},
    {.name = "cut the power during a verb", .weight = 3, .run = cut_power_during_a_verb},
    {.name = "cut the power after a verb", .weight = 2, .run = cut_power_after_a_verb},
};

constexpr Stage kRestartStages[] = {
    {.name = "restart marsd", .weight = 3, .run = restart_in_order},
    {.name = "restart marsd, devices are open", .weight = 3, .run = restart_with_open_devices},
    {.name = "restart marsd while a stranger to a resource is down",
     .weight = 3,
     .hosts = 3,
     .needs_all_data = true,
     .needs_no_verbs = true,
     .run = restart_without_a_stranger},
};

} // namespace

const Family kCrashes{"crashes", "power cuts and kills, also during verbs and up to 5 s after", kCrashStages};
const Family kRestarts{"restarts", "orderly stop and start of marsd, also while devices are open", kRestartStages};

} // namespace mars::sim
