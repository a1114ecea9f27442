// SPDX-License-Identifier: GPL-2.0-or-later
#include "macros/language/number.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "macros/language/perl_format.hpp"
#include "macros/language/regex.hpp"

using namespace mars::macros;

TEST_CASE("the longest numeric prefix counts, and integral values in range are exact") {
    auto text = [](std::string_view t) { return Number::parse(t).text(); };
    CHECK(text("") == "0");
    CHECK(text(" \t12abc") == "12");
    CHECK(text("0x10") == "0");
    CHECK(text("-9223372036854775808") == "-9223372036854775808");
    CHECK(text("-9223372036854775809") == "-9.22337203685478e+18");
    CHECK(text("18446744073709551615") == "18446744073709551615");
    CHECK(text("18446744073709551616") == "1.84467440737096e+19");
    CHECK(text("1e15") == "1000000000000000");
    CHECK(text("1e19") == "10000000000000000000");
    CHECK(text("3.0") == "3");
    CHECK(text(".5") == "0.5");
    CHECK(text("5.") == "5");
    CHECK(text(".") == "0");
    CHECK(text("1e") == "1");
    CHECK(text("1e400") == "Inf");
    CHECK(text("1e-400") == "0");
    CHECK(text("-INFINITY") == "-Inf");
    CHECK(text("nanx") == "NaN");
    CHECK(Number::operand("5,6").text() == "5");
}

TEST_CASE("conversions to 64 bits saturate") {
    CHECK(Number::parse("1e30").as_bits() == UINT64_MAX);
    CHECK(Number::parse("-1.5").as_bits() == UINT64_MAX);
    CHECK(Number::parse("-1e30").truncated() == INT64_MIN);
    CHECK(Number::parse("1e30").truncated() == INT64_MAX);
    CHECK(Number::real(NAN).truncated() == 0);
}

TEST_CASE("formatted output follows Perl") {
    auto format = [](std::string_view f, std::vector<std::string> args) { return perl_format(f, args); };
    CHECK(format("%x %X %#x %#X %#b %#o %o", {"255", "255", "255", "255", "5", "8", "8"}) ==
          "ff FF 0xff 0XFF 0b101 010 10");
    CHECK(format("%+d|% d|%+d", {"5", "5", "-5"}) == "+5| 5|-5");
    CHECK(format("%05d|%-5d|%5.3d|%05.3d", {"42", "42", "42", "42"}) == "00042|42   |  042|  042");
    CHECK(format("%e %E %g %G", {"12345.678", "0.00012", "1e20", "1e-10"}) == "1.234568e+04 1.200000E-04 1e+20 1E-10");
    CHECK(format("%08.3f|%-8.2f|%+.1f", {"3.14159", "2.5", "2"}) == "0003.142|2.50    |+2.0");
    CHECK(format("%05s|%.1s|%-3s|", {"ab", "xyz", "q"}) == "000ab|x|q  |");
    CHECK(format("%2$s-%1$s-%s", {"a", "b"}) == "b-a-a");
    CHECK(format("%-*d|%*d|%.*f", {"4", "7", "-4", "7", "1", "2.55"}) == "7   |7   |2.5");
    CHECK(format("%vd %s", {"1.2", "x"}) == "49.46.50 x");
    CHECK(format("%v02x", {"az"}) == "61.7a");
    CHECK(format("%y %", {"1"}) == "%y %");
    CHECK(format("%d %d %s", {"inf", "nan", ""}) == "Inf NaN ");
    CHECK(format("%9999999999d", {"1"}) == "%9999999999d");
    CHECK(format("%c%c", {"65", "10"}) == "A\n");
    CHECK(format("%ld %lld %hd %qd", {"1", "2", "3", "4"}) == "1 2 3 4");
    CHECK(format("%u", {"-1"}) == "18446744073709551615");
    CHECK(format("%i|%D|%F", {"1.9", "2", "3"}) == "1|2|3.000000");
    CHECK(format("%.0d|%.0d", {"0", "1"}) == "|1");
}

TEST_CASE("regular expressions follow Perl and never run code") {
    RegexCache cache;
    auto parts = [&](std::string_view text, std::string_view delimiter) {
        std::string joined;
        auto split_up = split(cache, text, delimiter);
        REQUIRE(split_up);
        for (auto& part : *split_up) joined += "[" + part + "]";
        return joined;
    };
    CHECK(parts("a,b,,c,,", ",") == "[a][b][][c]");
    CHECK(parts(",a", ",") == "[][a]");
    CHECK(parts("  a  b ", " ") == "[a][b]");
    CHECK(parts(" a b", "\\s") == "[][a][b]");
    CHECK(parts("abc", "") == "[a][b][c]");
    CHECK(parts("abc", "x*") == "[a][b][c]");
    CHECK(parts("a\nb\n", "^") == "[a\n][b\n]");
    CHECK(parts("a1b", "(\\d)|x") == "[a][1][b]");
    CHECK(parts("", ",") == "");
    CHECK_FALSE(split(cache, "a", "("));
    CHECK(refuses_interpolation("(?{ code })"));
    CHECK(refuses_interpolation("a$b"));
    CHECK(refuses_interpolation("@{[1]}"));
    CHECK(refuses_interpolation("a{"));
    CHECK_FALSE(refuses_interpolation("^a{2}$"));
    CHECK_FALSE(Replacement::parse("@{[ code ]}"));
    CHECK_FALSE(Replacement::parse("$name"));
    CHECK_FALSE(parse_regex_options("e", true));
}

TEST_CASE("a pattern that backtracks without end does not match, and soon") {
    RegexCache cache;
    Regex::Groups groups;
    auto regex = cache.compile("(a+)+$", 0);
    REQUIRE(regex);
    CHECK_FALSE(regex.find(std::string(40, 'a') + "b", 0, false, groups));
}
