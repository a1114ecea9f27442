// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/sim/stages.hpp"

#include <algorithm>

#include "tests/sim/run.hpp"

namespace mars::sim {

std::span<const Family* const> families() {
    static constexpr const Family* all[] = {&kEveryday, &kLines,   &kClocks,    &kCrashes,   &kRestarts, &kOperators,
                                            &kMembers,  &kAbsence, &kStorage,   &kLogs,      &kDisks,    &kMars,
                                            &kSpace,    &kNetwork, &kAddresses, &kStrangers, &kFailover};
    return all;
}

namespace {

bool is_possible(const Stage& stage, Run& run) {
    if (run.cluster.size() < stage.hosts) return false;
    return !stage.needs_all_data || !run.is_fetching_back();
}

} // namespace

void play_stage(Run& run) {
    std::vector<const Stage*> possible;
    std::uint64_t weights = 0;
    for (auto* family : families()) {
        const auto& drawn = run.plan.families;
        if (family != &kEveryday && std::find(drawn.begin(), drawn.end(), family->name) == drawn.end()) continue;
        for (auto& stage : family->stages)
            if (is_possible(stage, run)) {
                possible.push_back(&stage);
                weights += stage.weight;
            }
    }
    auto at = run.random.below(weights);
    for (auto* stage : possible) {
        if (at >= stage->weight) {
            at -= stage->weight;
            continue;
        }
        run.tell(std::string("step: ") + std::string(stage->name));
        if (stage->needs_no_verbs) run.cluster.commands().finish(std::chrono::seconds(20));
        if (stage->run(run)) run.count(stage->name);
        return;
    }
}

} // namespace mars::sim
