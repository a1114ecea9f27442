// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/command/verb.hpp"

namespace mars::shell {

namespace {

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
