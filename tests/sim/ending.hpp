// SPDX-License-Identifier: GPL-2.0-or-later
// The end of a run: the faults are gone, an operator in his senses helps where he is asked to, and everything must
// become equal.
#pragma once

#include "tests/sim/run.hpp"

namespace mars::sim {

// A verb that has to end well.
void must(Run& run, Node& node, std::vector<std::string> words);

// The member that has come farthest, as an operator would see it in `view`; nullptr: nobody has a complete copy.
Node* farthest(Run& run, SimResource& resource);

void calm_down(Run& run);

} // namespace mars::sim
