// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/verb_table.hpp"

#include <algorithm>
#include <array>

namespace mars::shell {

namespace {

using FamilyRows = const std::vector<Verb>& (*)();

constexpr std::array<FamilyRows, 12> kVerbFamilies{cluster_verbs, resource_verbs, switch_verbs, role_verbs,
                                                   log_verbs,     wait_verbs,     view_verbs,   macro_verbs,
                                                   script_verbs,  systemd_verbs,  habit_verbs,  later_verbs};

bool is_called(const Verb& verb, std::string_view name) {
    return verb.name == name || std::find(verb.aliases.begin(), verb.aliases.end(), name) != verb.aliases.end();
}

std::string resource_usage(const Verb& verb) {
    switch (verb.resource) {
    case ResourceArgument::none:
        return "";
    case ResourceArgument::one:
        return " RES";
    case ResourceArgument::list:
        return " RES|LIST|all";
    case ResourceArgument::optional:
    case ResourceArgument::free:
        return " [RES|LIST|all]";
    }
    return "";
}

} // namespace

std::vector<const Verb*> all_verbs() {
    std::vector<const Verb*> all;
    for (auto rows : kVerbFamilies)
        for (const auto& verb : rows()) all.push_back(&verb);
    return all;
}

const Verb* find_verb(std::string_view name) {
    if (name.starts_with("view-") && name.size() > 5) name = "view";
    if (name.starts_with("prettyprint-")) name = "prettyprint";
    for (auto rows : kVerbFamilies)
        for (const auto& verb : rows())
            if (is_called(verb, name)) return &verb;
    return name.starts_with("view") && name != "view" ? find_verb("view") : nullptr; // viewNAME
}

std::string_view family_title(Family family) {
    switch (family) {
    case Family::cluster:
        return "Clusters";
    case Family::resource:
        return "Resources";
    case Family::switches:
        return "Switches";
    case Family::role:
        return "Roles and consistency";
    case Family::log:
        return "Logs and housekeeping";
    case Family::wait:
        return "Waiting";
    case Family::view:
        return "Looking";
    case Family::script:
        return "Shell, scripts and plugins";
    case Family::plugin:
        return "From plugins";
    case Family::macro:
        return "Macros";
    }
    return "";
}

std::string usage(const Verb& verb) {
    std::string text = std::string(verb.name) + resource_usage(verb);
    std::string closing;
    for (const auto& argument : verb.arguments) {
        std::string word = std::string(argument.name) + (argument.repeats ? "..." : "");
        if (argument.required) {
            text += " " + word;
        } else {
            text += " [" + word;
            closing += "]";
        }
    }
    return text + closing;
}

} // namespace mars::shell
