// SPDX-License-Identifier: GPL-2.0-or-later
// Lines that break, also in the middle of handovers, and clocks that are wrong.
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

constexpr Stage kLineStages[] = {
    {.name = "cut a line", .weight = 4, .run = cut_a_line},
    {.name = "cut a host off", .weight = 1, .run = unplug_a_host},
    {.name = "cut lines in a handover", .weight = 4, .run = cut_lines_in_a_handover},
};

constexpr Stage kClockStages[] = {
    {.name = "set a clock", .weight = 3, .run = set_a_clock},
    {.name = "set a clock by hours", .weight = 2, .run = set_a_clock_by_hours},
};

} // namespace

const Family kLines{"lines", "lines break, hosts are cut off, also in the middle of handovers", kLineStages};
const Family kClocks{"clocks", "clocks are set, by seconds, hours or days", kClockStages};

} // namespace mars::sim
