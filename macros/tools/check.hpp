// SPDX-License-Identifier: GPL-2.0-or-later
// `macro check`: finds mistakes in macro text without evaluating it: unknown names, wrong numbers of arguments,
// arguments that nobody reads, braces that do not pair. Tests: tests/unit/macros/tools_test.cpp.
#pragma once

#include <string>
#include <vector>

#include "macros/language/messages.hpp"
#include "macros/macros.hpp"

namespace mars::macros {

struct Finding {
    bool is_error = false; // evaluation would fail there
    Place place;
    std::string text;
};

// In the order of the text. `session` tells which macros exist.
std::vector<Finding> check(Session& session, const Macro& macro, Compat compat = Compat::current);

// "FILE:LINE:COLUMN: error: TEXT", the line and a caret.
std::string show(const Finding& finding);

// The name among all primitives and macros that `name` is probably a mistyped form of; empty when none is near.
std::string suggestion(Session& session, std::string_view name);

} // namespace mars::macros
