// SPDX-License-Identifier: GPL-2.0-or-later
// UnitGenerator: templates + tree → unit files. A pure function: nothing is written, systemd is not asked. Start points
// are the templates without an expansion in their names, the watcher units of each resource, and the units set by
// set-systemd-unit; from there on every unit that is mentioned in what was generated, until nothing new appears.
// Spec: macro-language 6.3 … 6.5. Tests: tests/unit/shell/unit_generator_test.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "kernel/tree/view.hpp"
#include "macros/macros.hpp"
#include "shell/systemd/expansion.hpp"
#include "shell/systemd/templates.hpp"

namespace mars::shell::systemd {

// One file to be installed.
struct Unit {
    std::string name;
    std::string path;    // where it goes
    std::string content; // with the header
    std::string template_path;
    std::string resource; // that it was made for; empty for plain ones
    std::int64_t mtime = 0;
    bool is_script = false;
    std::vector<std::string> references;
};

struct Generation {
    std::vector<Unit> units; // by name
    std::vector<Finding> findings;
    bool is_complete = true; // false: something could not be read or made, so nothing may be taken for obsolete

    const Unit* find(std::string_view name) const;
};

struct GeneratorInput {
    const Templates& templates;
    const Settings& settings;
    const tree::View& view;
    macros::Context& context;           // for expansions
    std::vector<std::string> resources; // of this host
    // Besides what the tree says: units that a resource (the first of each pair) is about to be given.
    std::vector<std::pair<std::string, std::string>> also = {};
    // Does somebody else provide this unit?
    std::function<bool(const std::string& name)> is_installed = [](const std::string&) { return false; };
};

// The whole set of units of this host.
Generation generate_units(const GeneratorInput& input);

// The unit that a capital word given to set-systemd-unit stands for: the first template with the line "# KEYWORD_KIND",
// its name expanded for the resource. Failure: unit.template.
result<std::string> unit_of_keyword(const GeneratorInput& input, std::string_view resource, std::string_view keyword,
                                    std::string_view kind);
// [A-Z][A-Z_0-9]*
bool is_keyword(std::string_view word);

// The units that a text refers to, in order, each once.
std::vector<std::string> references_of(const Settings& settings, std::string_view text);
// The first line that marks a file as ours, and is it there?
inline constexpr std::string_view kGeneratedFrom = "### GENERATED FROM:";
bool is_generated(std::string_view content);

} // namespace mars::shell::systemd
