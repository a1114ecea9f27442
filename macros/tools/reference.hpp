// SPDX-License-Identifier: GPL-2.0-or-later
// Texts made from the tables: help for one primitive or macro, and the reference manual page. The examples in them are
// tested.
#pragma once

#include <string>
#include <string_view>

namespace mars::macros {

// Usage, description and example of the primitive that `name` spells; empty when there is none.
std::string help_text(std::string_view name);
// The manual page mars-macros(7) in the man macro package.
std::string reference_page();

} // namespace mars::macros
