// SPDX-License-Identifier: GPL-2.0-or-later
// Lines that break, also in the middle of handovers, and clocks that are wrong.
#include "tests/sim/checks.hpp"
#include "tests/sim/operators.hpp"
#include "tests/sim/stages.hpp"

namespace mars::sim {

using namespace std::chrono_literals;

namespace {

bool cut_a_line(Run& run) {
    auto& a = run.any();
    auto& b = run.any();
    if (&a == &b) return false;
    run.tell("the line between " + a.name() + " and " + b.name() + " breaks");
    run.cluster.world().network().cut(a.machine.address(), b.machine.address());
    return true;
}

bool unplug_a_host(Run& run) {
    auto& node = run.any();
    run.tell(node.name() + " is cut off");
    run.cluster.unplug(node);
    return true;
}

bool cut_lines_in_a_handover(Run& run) {
    auto& resource = run.any_resource();
    auto* target = any_host_for(run, resource);
    if (!target) return false;
    auto& world = run.cluster.world();
    for (int i = 0; i < 2; ++i) {
        auto& a = run.any();
        auto& b = run.any();
        if (&a == &b) continue;
        world.after(run.between(0s, 2s), [&run, &a, &b] {
            if (run.is_over) return;
            run.tell("the line between " + a.name() + " and " + b.name() + " breaks");
            run.cluster.world().network().cut(a.machine.address(), b.machine.address());
        });
    }
    hand_over(run, resource, {target});
    return true;
}

// Logs come slowly, and then not at all, in the middle of a record, while nobody is primary: all that is here is to be
// replayed at once, and no more can be.
bool break_off_a_backlog(Run& run) {
    auto& resource = run.any_resource();
    auto* holder = run.any_holder(resource);
    auto& target = run.any_member(resource);
    if (!holder || holder == &target || holder->is_stopping || !target.is_up() || run.outside.contains(&target))
        return false;
    auto& cluster = run.cluster;
    auto& commands = cluster.commands();
    cluster.world().network().heal_all();
    commands.run(target, {"pause-fetch", resource.name, "--timeout=10"});
    run.pass(run.between(15s, 30s)); // more than is sent in one piece
    if (cluster.stop_application(*holder, resource))
        commands.run(*holder, {"secondary", resource.name, "--timeout=10"}, 60s);
    run.pass(2s);
    auto& way = cluster.world().network().way(holder->machine.address(), target.machine.address());
    const auto usual = way.bytes_per_second;
    way.bytes_per_second = 500'000;
    commands.run(target, {"resume-fetch", resource.name, "--timeout=10"});
    run.pass(run.between(1s, 4s));
    run.tell(target.name() + " is cut off, in the middle of a backlog");
    cluster.unplug(target);
    run.pass(run.between(5s, 10s));
    way.bytes_per_second = usual;
    if (run.random.chance(70)) cluster.world().network().heal_all();
    cluster.start_applications();
    return true;
}

bool set_a_clock(Run& run) {
    auto& node = run.any();
    node.machine.clock_skew += run.between(-2s, 2s);
    return true;
}

// Somebody sets it by hand, or the machine has come up with a clock that is wrong until it hears of a better one.
bool set_a_clock_by_hours(Run& run) {
    auto& node = run.any();
    const auto by = run.between(-72h, 72h);
    run.tell("the clock of " + node.name() + " jumps by " + std::to_string(by / 1min) + " minutes");
    node.machine.step_clock(by);
    return true;
}

// A member whose clock is far ahead dies: however young its last stamps look, a handover among the others goes on.
bool lose_a_host_of_the_future(Run& run) {
    auto& resource = run.any_resource();
    auto& cluster = run.cluster;
    auto* holder = run.any_holder(resource);
    if (!holder || resource.members.size() < 3 || !is_everybody_well(run, resource) || !is_calm(run)) return false;
    std::vector<Node*> others;
    const auto before = cluster.link(*holder, resource.key("userspace/prev-primary"));
    for (auto* node : resource.members)
        if (node != holder && node->name() != before) others.push_back(node); // who was primary before has a say
    if (others.size() < 2) return false;
    auto& victim = *others[0];
    auto& target = *others[1];
    for (auto* member : resource.members)
        if (member != &victim) cluster.commands().run(*member, {"up", resource.name, "--timeout=10"});
    const auto by = run.between(1h, 72h);
    run.tell("the clock of " + victim.name() + " jumps by " + std::to_string(by / 1min) + " minutes");
    victim.machine.step_clock(by);
    run.pass(10s); // all have heard of it
    bool is_ready = wait_until_level(run, resource);
    for (auto* member : resource.members)
        is_ready =
            is_ready && member->is_up() && !member->is_stopping && (member == holder) == member->has_device(resource) &&
            cluster.link(*member, resource.key("syncstatus-" + member->name())) == std::to_string(resource.bytes);
    if (!is_ready || !cluster.stop_application(*holder, resource)) {
        cluster.start_applications();
        return false;
    }
    run.crash(victim, run.random.chance(50));
    run.pass(80s); // it is not heard of any more
    const auto ended = cluster.commands().run(target, {"primary", resource.name, "--timeout=60"}, 120s);
    if (ended.exit != 0)
        run.report(resource.name + ": " + target.name() + " does not become primary after the death of " +
                   victim.name() + ", whose clock was ahead: " + ended.error);
    else
        ++run.handovers;
    cluster.start_applications();
    return true;
}

constexpr Stage kLineStages[] = {
    {.name = "cut a line", .weight = 4, .run = cut_a_line},
    {.name = "cut a host off", .weight = 1, .run = unplug_a_host},
    {.name = "cut lines in a handover", .weight = 4, .run = cut_lines_in_a_handover},
    {.name = "a line breaks in the middle of a backlog",
     .weight = 2,
     .needs_no_verbs = true,
     .run = break_off_a_backlog},
};

constexpr Stage kClockStages[] = {
    {.name = "set a clock", .weight = 3, .run = set_a_clock},
    {.name = "set a clock by hours", .weight = 2, .run = set_a_clock_by_hours},
    {.name = "a host with a clock far ahead dies",
     .weight = 4,
     .hosts = 3,
     .needs_all_data = true,
     .needs_no_verbs = true,
     .run = lose_a_host_of_the_future},
};

} // namespace

const Family kLines{"lines", "lines break, hosts are cut off, also in the middle of handovers", kLineStages};
const Family kClocks{"clocks", "clocks are set, by seconds, hours or days", kClockStages};

} // namespace mars::sim
