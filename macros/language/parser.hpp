// SPDX-License-Identifier: GPL-2.0-or-later
// Parser: turns preprocessed macro text into its tree (syntax.hpp). Never fails: what is no call is ordinary text.
#pragma once

#include "macros/language/source.hpp"
#include "macros/language/syntax.hpp"

namespace mars::macros {

// Preprocesses and parses `original`. `file` is shown in messages.
MacroPtr parse_macro(std::string name, std::string file, std::string original, Origin origin, bool hash_anywhere);
// Parses text that was made by an evaluation, as it is.
MacroPtr parse_result(std::string name, std::string file, std::string text);

} // namespace mars::macros
