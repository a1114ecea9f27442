// SPDX-License-Identifier: GPL-2.0-or-later
// Colours for people at a terminal: the words that built-in macros use for states, and what changed between two
// pictures. Pure functions; whether colours are wanted is Output::takes_colours(). Tests:
// tests/unit/shell/colours_test.cpp.
#pragma once

#include <string>
#include <string_view>

namespace mars::shell {

// `text` with its state words (UpToDate, Orphan, ...) between escape sequences of ANSI terminals. Nothing else changes.
std::string coloured(std::string_view text);

// `now` with the words that differ from the same place in `before` in reverse video; all of a line that was not there.
// A word is compared with the word of the same number in the line of the same number.
std::string with_changes(std::string_view before, std::string_view now);

} // namespace mars::shell
