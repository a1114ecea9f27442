// SPDX-License-Identifier: GPL-2.0-or-later
// The table of verbs: all families, concatenated here and nowhere else.
#pragma once

#include <vector>

#include "shell/command/verb_registry.hpp"

namespace mars::shell {

// The rows of each family, in the order of the help.
const std::vector<Verb>& cluster_verbs();
const std::vector<Verb>& resource_verbs();
const std::vector<Verb>& switch_verbs();
const std::vector<Verb>& role_verbs();
const std::vector<Verb>& log_verbs();
const std::vector<Verb>& wait_verbs();
const std::vector<Verb>& kind_verbs(); // checksums and compressions
const std::vector<Verb>& view_verbs();
const std::vector<Verb>& health_verbs();
const std::vector<Verb>& help_verbs();
const std::vector<Verb>& macro_verbs();
const std::vector<Verb>& script_verbs();
const std::vector<Verb>& systemd_verbs();
const std::vector<Verb>& trigger_verbs();
const std::vector<Verb>& template_verbs();
const std::vector<Verb>& later_verbs(); // known by name, not in this version
const std::vector<Verb>& habit_verbs(); // habits from DRBD

// All rows, family by family.
std::vector<const Verb*> all_verbs();
// The registry of a program without plugins.
VerbRegistry& built_in_verbs();

} // namespace mars::shell
