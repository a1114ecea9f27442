// SPDX-License-Identifier: GPL-2.0-or-later
// Names of hosts, resources and devices, and the natural order in which lists of them are shown.
// Spec: symlink-tree 1.3 (N1, N2), verbs 1.4.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mars {

inline constexpr std::size_t kMaxNameLength = 63;

// True for `[A-Za-z0-9_][-A-Za-z0-9_]*` with 1 to 63 characters.
bool is_identifier(std::string_view name);

// True for words that never name a host or resource ("none", "all", "(any)", …), with or without parentheses.
bool is_reserved_name(std::string_view name);

// Natural order: runs of digits compare as numbers, everything else by bytes. "log-9" < "log-10".
bool natural_less(std::string_view a, std::string_view b);
// In that order, each once.
void sort_names(std::vector<std::string>& names);

} // namespace mars
