// SPDX-License-Identifier: GPL-2.0-or-later
// Messages: texts of evaluation failures in one place, and the form in which a place in macro text is shown.
#pragma once

#include <string>
#include <string_view>

#include "macros/language/syntax.hpp"

namespace mars::macros {

// A place in a macro's original text. Lines and columns count from 1; columns count bytes.
struct Place {
    std::string file;
    std::size_t line = 1;
    std::size_t column = 1;
    std::string line_text;
};

// The place of `at`, which points into macro.text.
Place place_of(const Macro& macro, std::string_view at);
// "  at FILE:LINE:COLUMN", the line, and a caret below the column, each on a line of its own.
std::string show(const Place& place);

namespace message {

std::string unknown_macro(std::string_view name);
std::string cannot_find_macro(std::string_view name);
std::string undefined_result(std::string_view name);
std::string too_few_arguments(std::string_view name, int wanted);
std::string division_by_zero(std::string_view operation);
std::string output_limit(std::size_t bytes);
std::string call_limit(std::uint64_t calls);
std::string interrupted();
std::string nesting_limit();
std::string cannot_split(std::string_view delimiter);
std::string too_long_to_evaluate(std::size_t bytes);

} // namespace message

} // namespace mars::macros
