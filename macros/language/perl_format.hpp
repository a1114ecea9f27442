// SPDX-License-Identifier: GPL-2.0-or-later
// Perl's formatted output: flags, width, precision, `*`, `%N$`, the v flag; conversions s c d i u o x X b B e E f g G.
// Unknown conversions are copied as they are; missing arguments count as empty. Spec: macro-language 2.7.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mars::macros {

// Widths and precisions above this are no conversions.
inline constexpr int kMaxFormatWidth = 1'000'000;

// Stops when the result has grown beyond `limit` bytes.
std::string perl_format(std::string_view format, const std::vector<std::string>& args,
                        std::size_t limit = static_cast<std::size_t>(-1));

} // namespace mars::macros
