// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/sim/scenario.hpp"

#include "tests/sim/checks.hpp"
#include "tests/sim/ending.hpp"
#include "tests/sim/run.hpp"
#include "tests/sim/stages.hpp"

namespace mars::sim {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t kStoryLines = 57; // with the verdict, the plan and how to repeat it: sixty
const Run* under_way = nullptr;

void play(Run& run) {
    if (auto wrong = run.cluster.set_up(); !wrong.empty()) run.report("set-up: " + wrong);
    for (int i = 0; i < run.plan.steps && run.is_fine(); ++i) {
        play_stage(run);
        run.pass(run.between(200ms, 6s));
        run.cluster.commands().reap();
        check_running(run);
        if (run.random.chance(50)) run.boot_all();
    }
    if (run.is_fine()) calm_down(run);
    if (run.is_fine()) check_running(run);
    if (run.is_fine()) check_end(run);
}

} // namespace

ScenarioResult run_scenario(std::uint64_t seed, const ScenarioOptions& options) {
    Run run(seed, options);
    under_way = &run;
    play(run);
    under_way = nullptr;
    ScenarioResult result;
    result.wrong = run.wrong;
    result.plan = run.plan.text();
    result.story = run.story.lines(kStoryLines);
    result.digest = run.cluster.world().trace_digest();
    for (auto& resource : run.cluster.resources()) {
        result.writes += resource->history.started();
        result.acknowledged += resource->history.acknowledged();
    }
    result.crashes = run.crashes;
    result.handovers = run.handovers;
    result.virtual_time = run.cluster.world().now();
    result.drawn = run.drawn;
    return result;
}

std::vector<std::string> story_so_far() {
    return under_way ? under_way->story.lines(kStoryLines) : std::vector<std::string>();
}

} // namespace mars::sim
