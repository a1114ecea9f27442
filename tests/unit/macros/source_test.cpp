// SPDX-License-Identifier: GPL-2.0-or-later
#include "macros/language/source.hpp"

#include <catch2/catch.hpp>

using namespace mars::macros;

namespace {

std::string cleaned(std::string_view text, bool hash_anywhere = true, Origin origin = Origin::built_in) {
    return preprocess(text, origin, hash_anywhere).text;
}

} // namespace

TEST_CASE("comments of all four forms are removed") {
    CHECK(cleaned("a # c\nb") == "a \nb");
    CHECK(cleaned("a// c\nb") == "a\nb");
    CHECK(cleaned("http://x") == "http://x");
    CHECK(cleaned("a/* x\ny */b") == "ab");
    CHECK(cleaned("/***/x") == "/***/x");
    CHECK(cleaned("/* a **/ b */ c") == " c");
    CHECK(cleaned("a\\\n \n\t b") == "ab");
    CHECK(cleaned("/* open") == "/* open");
    CHECK(cleaned("a # b /* c\n d */ e") == "a \n d */ e");
}

TEST_CASE("a hash begins a comment anywhere in 0.1a, and only after white space by default") {
    CHECK(cleaned("a#b\nc", true) == "a\nc");
    CHECK(cleaned("a#b\nc", false) == "a#b\nc");
    CHECK(cleaned("#b\nc", false) == "\nc");
    CHECK(cleaned("a\t#b", false) == "a\t");
    CHECK(cleaned("\\#x", true) == "\\");
    CHECK(cleaned("\\#x", false) == "\\#x");
}

TEST_CASE("backslash and n become a newline in the order that the origin asks for") {
    CHECK(cleaned("a\\nb", true, Origin::command_line) == "a\nb");
    CHECK(cleaned("a\\nb", true, Origin::built_in) == "a\\nb");
    CHECK(cleaned("a\\\\n  b", true, Origin::command_line) == "ab");
    CHECK(cleaned("a\\\\n  b", true, Origin::template_viewed) == "ab");
    CHECK(cleaned("a\\\\n  b", true, Origin::template_called) == "a\\\n  b");
    CHECK(cleaned("# x\\ny", true, Origin::template_viewed) == "");
    CHECK(cleaned("# x\\ny", true, Origin::command_line) == "\ny");
}

TEST_CASE("every byte remembers where it came from") {
    auto source = preprocess("a/* */\\nb", Origin::command_line, true);
    CHECK(source.text == "a\nb");
    CHECK(source.offsets == std::vector<std::uint32_t>{0, 6, 8});
}

TEST_CASE("many openings of comments that never end take no quadratic time") {
    for (auto* piece : {"/* ", "/* **/ "}) {
        std::string open;
        for (int i = 0; i < 200'000; ++i) open += piece;
        bool unchanged = cleaned(open) == open;
        CHECK(unchanged);
    }
    CHECK(cleaned("/* **/ /****/y") == "/* **/ y");
    CHECK(cleaned("/* **/ /* x **/ /**y") == "/* **/ /* x **/ /**y");
}
