// SPDX-License-Identifier: GPL-2.0-or-later
// A member that is away for minutes, while logs are rotated and deleted.
#include "tests/sim/run.hpp"
#include "tests/sim/stages.hpp"

namespace mars::sim {

using namespace std::chrono_literals;

namespace {

bool send_a_member_away(Run& run) {
    auto& node = run.any();
    if (!node.is_up() || node.is_stopping || run.is_needed(node)) return false;
    auto& cluster = run.cluster;
    for (auto& resource : cluster.resources()) run.past(*resource).changed.insert(&node);
    run.forget_copies(node);
    if (run.random.chance(50)) {
        run.tell(node.name() + " is cut off for long");
        cluster.unplug(node);
    } else {
        run.tell(node.name() + " is away for long");
        cluster.kill(node);
    }
    cluster.make_applications_lazy(true);
    const auto rounds = 2 + run.random.below(3);
    for (std::uint64_t i = 0; i < rounds && run.is_fine(); ++i) {
        run.pass(run.between(10s, 50s));
        for (auto& resource : cluster.resources())
            if (auto* holder = run.any_holder(*resource); holder && !run.is_fetching_back(*resource)) {
                cluster.commands().run(*holder, {"log-rotate", resource->name});
                if (run.random.chance(70)) cluster.commands().run(*holder, {"log-delete-all", resource->name});
            }
    }
    cluster.make_applications_lazy(false);
    run.tell(node.name() + " comes back");
    cluster.world().network().heal_all();
    if (!node.is_up()) cluster.boot(node);
    return true;
}

constexpr Stage kAbsenceStages[] = {
    {.name = "a member is away for long", .weight = 3, .needs_all_data = true, .run = send_a_member_away},
};

} // namespace

const Family kAbsence{"absence", "a member is away for minutes, while logs are rotated and deleted", kAbsenceStages};

} // namespace mars::sim
