// SPDX-License-Identifier: GPL-2.0-or-later
// Scenario: one seeded run of a cluster: stages in random order, then calm; and the promises of docs/architecture.md,
// checked after every crash, while it runs, and at the end.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "kernel/base/stamp.hpp"
#include "tests/sim/plan.hpp"

namespace mars::sim {

struct ScenarioResult {
    std::string wrong;              // empty: all promises were kept
    std::string plan;               // what it was about
    std::vector<std::string> story; // at most 60 lines
    std::uint64_t digest = 0;       // of the trace of all events
    std::uint64_t writes = 0, acknowledged = 0, crashes = 0, handovers = 0;
    Duration virtual_time{};
    std::map<std::string, std::uint64_t> drawn; // how often each stage took place
};

ScenarioResult run_scenario(std::uint64_t seed, const ScenarioOptions& options);

// The story so far of the run that is under way, for a program that is about to end in the middle of it.
std::vector<std::string> story_so_far();

} // namespace mars::sim
