// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/base/plain_text.hpp"

#include <catch2/catch.hpp>

using mars::plain_text;

TEST_CASE("a byte order mark and carriage returns at the ends of lines are not there") {
    CHECK(plain_text("\xef\xbb\xbf"
                     "a\r\nb\r\n") == "a\nb\n");
    CHECK(plain_text("a\r\nb\r") == "a\nb");
    CHECK(plain_text("a\rb\n") == "a\rb\n");                   // not at the end of a line
    CHECK(plain_text("a\n\xef\xbb\xbf") == "a\n\xef\xbb\xbf"); // only in front
    CHECK(plain_text("").empty());
}
