// SPDX-License-Identifier: GPL-2.0-or-later
// Layout: macro text written on several indented lines that evaluate to the same result, for `prettyprint` and dumps.
// Lines are joined by continuations (backslash, newline, white space), which preprocessing removes again.
#pragma once

#include <string>

#include "macros/language/syntax.hpp"

namespace mars::macros {

// Ends with a continuation if the text does not end in a newline.
std::string laid_out(const Macro& macro);

} // namespace mars::macros
