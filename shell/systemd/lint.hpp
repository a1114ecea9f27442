// SPDX-License-Identifier: GPL-2.0-or-later
// Lint: what is wrong with templates, before systemd finds out. Pure. Tests: tests/unit/shell/unit_generator_test.cpp.
#pragma once

#include <vector>

#include "shell/systemd/unit_generator.hpp"

namespace mars::shell::systemd {

// Everything that can be said about the templates: forms that cannot be expanded, unknown variables and macros, names
// that give no unit, references to units that nobody has, mistakes in sections and lines. In the order of the places.
std::vector<Finding> lint_templates(const GeneratorInput& input);

// Mistakes in the text of one unit: sections, KEY=VALUE lines, a mount whose name does not say where. `place`: for
// findings.
std::vector<Finding> lint_unit(std::string_view name, std::string_view text, const std::string& place);

} // namespace mars::shell::systemd
