// SPDX-License-Identifier: GPL-2.0-or-later
// Small tools for text: parts of a list, and what a man page takes for a command.
#include <catch2/catch.hpp>

#include "kernel/base/replace.hpp"
#include "kernel/base/roff.hpp"
#include "kernel/base/split.hpp"
#include "kernel/base/wrap.hpp"

using namespace mars;

TEST_CASE("a list is taken apart from its beginning, and a separator at its end opens no part") {
    std::string_view rest = "a,,b,";
    CHECK(take_part(rest, ',') == "a");
    CHECK(take_part(rest, ',').empty());
    CHECK(take_part(rest, ',') == "b");
    CHECK(rest.empty());
    CHECK(take_part(rest, ',').empty());
}

TEST_CASE("parts that are empty do not count") {
    using Parts = std::vector<std::string>;
    CHECK(split("", ' ').empty());
    CHECK(split("   ", ' ').empty());
    CHECK(split(" -p 22  -A ", ' ') == Parts{"-p", "22", "-A"});
    CHECK(split("one", ',') == Parts{"one"});
}

TEST_CASE("where empty parts are mistakes they are there to be found") {
    using Parts = std::vector<std::string>;
    CHECK(all_parts("", ',') == Parts{""});
    CHECK(all_parts("a", ',') == Parts{"a"});
    CHECK(all_parts("a,,b,", ',') == Parts{"a", "", "b", ""});
}

TEST_CASE("text of a man page is no command") {
    CHECK(roff(".TH") == "\\&.TH");
    CHECK(roff("'tis") == "\\&'tis");
    CHECK(roff("a.b 'c'") == "a.b 'c'");
    CHECK(roff("a\n.b\n'c") == "a\n\\&.b\n\\&'c");
    CHECK(roff("C:\\n") == "C:\\en");
    CHECK(roff("join-cluster") == "join\\-cluster");
}

TEST_CASE("every place is filled, and what is put in is left alone") {
    CHECK(replaced("a|b|c", "|", " | ") == "a | b | c");
    CHECK(replaced("vol-r.mount", "r", "rr") == "vol-rr.mount");
    CHECK(replaced("none", "@X@", "y") == "none");
}

TEST_CASE("a help page has lines of its width, but for words that are longer") {
    CHECK(wrap("", 9, 2, 4) == "  \n");
    CHECK(wrap("one two", 9, 2, 4) == "  one two\n");
    CHECK(wrap("one two three", 9, 2, 4) == "  one two\n    three\n");
    CHECK(wrap("unbreakable one", 9, 2, 4) == "  unbreakable\n    one\n");
}
