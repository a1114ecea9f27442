// SPDX-License-Identifier: GPL-2.0-or-later
// Scenario: one seeded run of a cluster: verbs, writes, crashes, partitions in random order, then calm; and the
// invariants of docs/architecture.md, checked after every crash and at the end.
#pragma once

#include <cstdint>
#include <string>

namespace mars::sim {

struct ScenarioOptions {
    int steps = 14;
    bool print_trace = false;
};

struct ScenarioResult {
    std::string wrong;        // empty: all invariants held
    std::uint64_t digest = 0; // of the trace of all events
    std::uint64_t writes = 0, acknowledged = 0, crashes = 0, handovers = 0;
    std::uint64_t storage_changes = 0; // disks, hosts and logs that others have changed
    std::uint64_t damaged_logs = 0;    // of these: a primary's log, while it was down
};

ScenarioResult run_scenario(std::uint64_t seed, const ScenarioOptions& options);

} // namespace mars::sim
