// SPDX-License-Identifier: GPL-2.0-or-later
// Shell patterns: wildcards in one component of a path, and alternatives in braces. Spec: macro-language 2.11.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mars::macros {

// Of one pattern, and of all patterns after expansion; no path that exists is longer than 4 KiB.
inline constexpr std::size_t kMostPatternBytes = std::size_t{16} << 10;
inline constexpr std::size_t kMostAlternatives = 10'000;

bool has_wildcard(std::string_view text);
// Does one path component match? Linear in the product of the lengths: only the latest star is retried.
bool matches_pattern(std::string_view name, std::string_view pattern);
// Appends all that `pattern` means with its braces expanded; false when that is too much.
bool expand_braces(std::string pattern, std::vector<std::string>& out);

// Without regard to case, ties bytewise.
bool glob_less(const std::string& a, const std::string& b);

} // namespace mars::macros
