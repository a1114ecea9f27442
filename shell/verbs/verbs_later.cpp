// SPDX-License-Identifier: GPL-2.0-or-later
// Verbs of the specification that are not in this version: known by name, so that nobody takes them for a typing error.
// Spec: verbs 3. Tests: tests/unit/shell/verb_table_test.cpp.
#include <array>

#include "shell/verbs/verb_table.hpp"

namespace mars::shell {

namespace {

struct Later {
    std::string_view name;
    Family family;
    std::string_view instead; // what helps meanwhile
};

constexpr auto kLater = std::to_array<Later>({
    {"create-uuid", Family::cluster, "create-cluster"},
    {"merge-cluster", Family::cluster, ""},
    {"merge-cluster-check", Family::cluster, ""},
    {"merge-cluster-list", Family::cluster, "cluster-identity"},
    {"split-cluster", Family::cluster, ""},
    {"activate-guest", Family::resource, "join-resource"},
    {"deactivate-guest", Family::resource, ""},
    {"resize", Family::resource, ""},
    {"set-emergency-limit", Family::log, ""},
    {"emergency-limit", Family::log, ""},
    {"get-emergency-limit", Family::log, ""},
    {"set-connect-pref-list", Family::switches, ""},
    {"get-connect-pref-list", Family::switches, ""},
    {"set-global-enabled-net-compressions", Family::log, ""},
    {"set-global-disabled-net-digests", Family::log, ""},
    {"set-disabled-digests", Family::log, ""},
    {"set-link", Family::view, ""},
    {"get-link", Family::view, "readlink"},
    {"delete-file", Family::view, ""},
    {"cat", Family::view, ""},
    {"role", Family::view, "view-role"},
    {"state", Family::view, "view-role"},
    {"show", Family::view, "view"},
    {"show-state", Family::view, "view"},
    {"mars-state", Family::view, "view"},
    {"show-info", Family::view, "view"},
    {"mars-info", Family::view, "view"},
    {"show-errors", Family::view, "view-all-err-msg"},
});

} // namespace

const std::vector<Verb>& later_verbs() {
    static const std::vector<Verb> verbs = [] {
        std::vector<Verb> rows;
        for (const auto& later : kLater)
            rows.push_back({.name = later.name,
                            .aliases = {},
                            .family = later.family,
                            .level = kNotInThisVersion,
                            .resource = ResourceArgument::none,
                            .arguments = {},
                            .flags = kReads | kNoTree,
                            .phases = {},
                            .summary = "Not in this version.",
                            .doc = later.instead});
        return rows;
    }();
    return verbs;
}

} // namespace mars::shell
