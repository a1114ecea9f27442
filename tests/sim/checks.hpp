// SPDX-License-Identifier: GPL-2.0-or-later
// The checks: what the cluster promises (docs/architecture.md), looked at after crashes, while it runs, and at the end.
// Each one reports to the run what is wrong.
#pragma once

#include <string>

#include "tests/sim/run.hpp"

namespace mars::sim {

// Promises 1, 2 and 6, from what is on the disks of a host that has just crashed.
void check_host(Run& run, Node& node);

// Promise 3, while it runs. What holds at every change: invariants.hpp.
void check_running(Run& run);

// Promise 4: what still differs between the members of all resources, and between the trees; empty: nothing.
std::string difference(Run& run);
bool is_level(Run& run, const Node& node, const SimResource& resource);

// Promise 1, for all members, when nothing differs any more.
void check_end(Run& run);

} // namespace mars::sim
