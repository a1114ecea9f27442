// SPDX-License-Identifier: GPL-2.0-or-later
// The stages: what may happen in a run. One row each, in the file of its family; a run draws some families, and then in
// each step one of their stages by its weight. To add a stage: a row and its function in stages_FAMILY.cpp.
#pragma once

#include <span>
#include <string_view>
#include <vector>

namespace mars::sim {

class Run;

struct Stage {
    std::string_view name;
    unsigned weight = 1;
    // What it needs.
    std::size_t hosts = 1;
    bool needs_all_data = false; // nobody has yet to fetch back what a primary has lost
    bool needs_no_verbs = false; // none runs in the background
    bool (*run)(Run&) = nullptr; // false: there was nothing to do
};

struct Family {
    std::string_view name;
    std::string_view what; // for --help
    std::span<const Stage> stages;
};

// All of them; the first one is what happens every day, in each run.
std::span<const Family* const> families();

extern const Family kEveryday, kLines, kClocks, kCrashes, kRestarts, kOperators, kMembers, kAbsence, kStorage, kLogs,
    kDisks, kMars, kSpace, kNetwork, kAddresses, kStrangers, kNeighbours, kCopies, kFailover;

// One step: draws a stage of the run's families, and plays it.
void play_stage(Run& run);

} // namespace mars::sim
