// SPDX-License-Identifier: GPL-2.0-or-later
// Values of links that say that there is no value. Spec: symlink-tree 1.6 (D1, D6), 2.7.
#pragma once

#include <string_view>

namespace mars::format {

inline constexpr std::string_view kDeleted = ".deleted"; // the key, or the log, was removed
inline constexpr std::string_view kNone = "(none)";      // nobody, nothing

} // namespace mars::format
