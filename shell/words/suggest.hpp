// SPDX-License-Identifier: GPL-2.0-or-later
// "Did you mean ...?": finds the word that somebody has probably mistyped.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mars::shell {

// The candidate with the smallest number of edits (insert, delete, replace, swap of neighbours) from `word`; empty when
// none is close (at most 1 edit per 3 characters, at least 1, at most 3). Ties: the first candidate.
std::string_view suggest(std::string_view word, const std::vector<std::string_view>& candidates);

// "; did you mean 'NAME'?", or nothing when no name is close.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& names);

} // namespace mars::shell
