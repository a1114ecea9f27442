// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/base/names.hpp"
#include "kernel/base/stamp.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace mars;

TEST_CASE("identifiers follow the naming rule") {
    for (const char* good : {"a", "A-b", "0x", "_x", "web-01"}) CHECK(is_identifier(good));
    for (const char* bad : {"", "-a", "a.b", "a b", "a/b", "ä", "a\n"}) CHECK_FALSE(is_identifier(bad));
    CHECK(is_identifier(std::string(63, 'a')));
    CHECK_FALSE(is_identifier(std::string(64, 'a')));
}

TEST_CASE("reserved names are refused with and without parentheses") {
    CHECK(is_reserved_name("all"));
    CHECK(is_reserved_name("(none)"));
    CHECK_FALSE(is_reserved_name("(mydata)"));
    CHECK_FALSE(is_reserved_name("alles"));
}

TEST_CASE("natural order compares digit runs as numbers") {
    CHECK(natural_less("log-9", "log-10"));
    CHECK_FALSE(natural_less("log-10", "log-9"));
    CHECK(natural_less("log-000000009", "log-10"));
    CHECK(natural_less("a", "ab"));
    CHECK_FALSE(natural_less("a", "a"));
    CHECK(natural_less("a01", "a1") != natural_less("a1", "a01"));
    for (const auto& [less, more] : {std::pair("log-12-b", "log-123-a"), std::pair("log-120", "log-121"),
                                     std::pair("x10y", "x10z"), std::pair("version-000000009-a", "version-000000010-a"),
                                     std::pair("a0", "a0b"), std::pair("a1b", "a1c"), std::pair("a9", "a10")}) {
        CHECK(natural_less(less, more)); // also behind a long common beginning, and in the middle of a number
        CHECK_FALSE(natural_less(more, less));
    }
}

TEST_CASE("stamps print nine digits and parse what they print") {
    Stamp s{1700000000, 42};
    CHECK(s.text() == "1700000000.000000042");
    CHECK(Stamp::parse(s.text()) == s);
    CHECK(Stamp::parse("5") == Stamp{5, 0});
    CHECK(Stamp::parse("5.5") == Stamp{5, 500000000});
    for (const char* bad : {"", ".", "1.", "-1", "1.-5", "1.0000000000", "x", "1 "}) CHECK_FALSE(Stamp::parse(bad));
    CHECK(Stamp{1, 999999999} + Duration(1) == Stamp{2, 0});
    CHECK(Stamp{2, 0} - Stamp{1, 999999999} == Duration(1));
}
