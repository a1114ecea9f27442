// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/verbs/verb_table.hpp"

#include <array>

namespace mars::shell {

namespace {

using FamilyRows = const std::vector<Verb>& (*)();

constexpr std::array<FamilyRows, 17> kVerbFamilies{
    cluster_verbs, resource_verbs, switch_verbs, role_verbs,  log_verbs,    wait_verbs,
    view_verbs,    health_verbs,   help_verbs,   macro_verbs, script_verbs, systemd_verbs,
    trigger_verbs, template_verbs, habit_verbs,  kind_verbs,  later_verbs};

} // namespace

std::vector<const Verb*> all_verbs() {
    std::vector<const Verb*> all;
    for (auto rows : kVerbFamilies)
        for (const auto& verb : rows()) all.push_back(&verb);
    return all;
}

VerbRegistry& built_in_verbs() {
    static VerbRegistry registry(all_verbs());
    return registry;
}

} // namespace mars::shell
