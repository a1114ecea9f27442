// SPDX-License-Identifier: GPL-2.0-or-later
// A line is split as a shell does it.
#include <catch2/catch.hpp>

#include "shell/repl/line_words.hpp"

using mars::shell::split_line;
using Words = std::vector<std::string>;

TEST_CASE("blanks, quotes, backslashes and comments") {
    const std::vector<std::pair<std::string, Words>> cases{
        {"", {}},
        {"  \t ", {}},
        {"a b\tc", {"a", "b", "c"}},
        {"'a b' \"c d\"", {"a b", "c d"}},
        {"a'b'\"c\"d", {"abcd"}},
        {"''", {""}},
        {"'a\"b' \"a'b\"", {"a\"b", "a'b"}},
        {"\"a\\\"b\\\\c\\d\"", {"a\"b\\c\\d"}},
        {"a\\ b \\'c", {"a b", "'c"}},
        {"a #b c", {"a"}},
        {"a#b", {"a#b"}},
        {"--macro='%{x}\\n'", {"--macro=%{x}\\n"}},
    };
    for (const auto& [line, words] : cases) {
        INFO(line);
        auto split = split_line(line);
        REQUIRE(split);
        CHECK(*split == words);
    }
}

TEST_CASE("a quote that is not closed is an error") {
    for (const char* line : {"'", "a 'b", "\"a\\\"", "a\"b'c"}) CHECK_FALSE(split_line(line));
}
