// SPDX-License-Identifier: GPL-2.0-or-later
// What the stages of bad storage have in common: how long a fault lasts, and how it is told.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/run.hpp"

namespace mars::sim {

// Once, or for 0.1 to 5 seconds, or, where it may, until an operator has it cured at the end.
void draw_span(Run& run, env::sim::Fault& fault, bool may_last);
// Begins it, tells it ("hosta: WHAT fails: …"), and sees to it that it is over at the end. Its number.
int begin_fault(Run& run, Node& node, env::sim::Fault fault, const std::string& what);

} // namespace mars::sim
