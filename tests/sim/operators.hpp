// SPDX-License-Identifier: GPL-2.0-or-later
// What operators do that several stages stage: handovers, and any verb.
#pragma once

#include "tests/sim/run.hpp"

namespace mars::sim {

// `primary` on all targets at the same time, mostly after the application was stopped in order; else it must refuse.
void hand_over(Run& run, SimResource& resource, const std::vector<Node*>& targets,
               std::optional<Trouble> trouble = std::nullopt);

// Any verb but those that end a membership, as somebody may type it who knows of nobody else.
std::vector<std::string> any_verb(Run& run, const SimResource& resource);

// The verb may be typed there now by an operator in his senses.
bool is_sensible(Run& run, const Node& node, const SimResource& resource, const std::vector<std::string>& words);

// A host that runs, member of the resource for the most part; nullptr: none was found.
Node* any_host_for(Run& run, SimResource& resource);

// All hosts run, and no member's storage was changed; the lines are healed.
bool is_everybody_well(Run& run, SimResource& resource);
// The storage of no host fails, the lines are as fast as usual: what is slow now has no excuse.
bool is_calm(Run& run);
bool wait_until_level(Run& run, SimResource& resource);

} // namespace mars::sim
