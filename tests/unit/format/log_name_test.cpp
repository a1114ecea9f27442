// SPDX-License-Identifier: GPL-2.0-or-later
// Names of logs: any number of digits is read, at least nine are written, hosts may contain '-'.
#include "kernel/format/log_name.hpp"

#include <catch2/catch.hpp>

using namespace mars::format;

TEST_CASE("a log name is printed with at least nine digits") {
    CHECK(LogName{1, "alpha"}.text() == "log-000000001-alpha");
    CHECK(LogName{123456789, "a-b-c"}.text() == "log-123456789-a-b-c");
    CHECK(LogName{1234567890123, "alpha"}.text() == "log-1234567890123-alpha");
    CHECK(LogName{0, "alpha"}.text() == "log-000000000-alpha");
    CHECK(version_key(14, "beta") == "version-000000014-beta");
}

TEST_CASE("log names are read") {
    struct Case {
        const char* text;
        LogName expected;
    };
    const Case c = GENERATE(Case{"log-000000001-alpha", {1, "alpha"}}, Case{"log-1-alpha", {1, "alpha"}},
                            Case{"log-0000000000000000000000001-alpha", {1, "alpha"}},
                            Case{"log-1234567890123-alpha", {1234567890123, "alpha"}},
                            Case{"log-999999999999999999-x", {kMaxLogNumber, "x"}},
                            Case{"log-000000002-host-with-dashes-7", {2, "host-with-dashes-7"}},
                            Case{"log-000000002-1-2", {2, "1-2"}}, Case{"log-0-_", {0, "_"}});
    const auto found = LogName::parse(c.text);
    REQUIRE(found);
    CHECK(*found == c.expected);
    CHECK(LogName::parse(found->text()) == found);
}

TEST_CASE("other names are no log names") {
    const char* text = GENERATE("", "log", "log-", "log--alpha", "log-1", "log-1-", "log-x-alpha", "log--1-alpha",
                                "log-+1-alpha", "log- 1-alpha", "log-1-al pha", "log-1--alpha", "log-1-al/pha",
                                "log-1-alpha,0", "log1-alpha", "Log-1-alpha", " log-1-alpha", "log-1-alpha ",
                                "version-000000001-alpha", "log-1000000000000000000-alpha",
                                "log-99999999999999999999999999-alpha", "log-0x1-alpha", ".deleted", "(none)");
    INFO(text);
    CHECK_FALSE(LogName::parse(text));
}

TEST_CASE("a host of a log name has at most 63 characters") {
    CHECK(LogName::parse("log-1-" + std::string(63, 'h')));
    CHECK_FALSE(LogName::parse("log-1-" + std::string(64, 'h')));
}

TEST_CASE("numbered keys of any prefix are read") {
    CHECK(parse_numbered_name("version", "version-000000003-beta") == LogName{3, "beta"});
    CHECK_FALSE(parse_numbered_name("version", "log-000000003-beta"));
    CHECK_FALSE(parse_numbered_name("version", "versions-000000003-beta"));
}

TEST_CASE("logs are ordered by number, then by host") {
    CHECK(LogName{2, "alpha"} < LogName{10, "alpha"});
    CHECK(LogName{2, "alpha"} < LogName{2, "beta"});
    CHECK(LogName{2, "beta"} < LogName{3, "alpha"});
}

TEST_CASE("positions in logs") {
    CHECK(LogPosition{{2, "alpha"}, 73728}.text() == "log-000000002-alpha,73728");
    CHECK(LogPosition::parse("log-000000002-alpha,73728") == LogPosition{{2, "alpha"}, 73728});
    CHECK(LogPosition::parse("log-000000002-alpha,9223372036854775807"));
    for (const char* text :
         {"log-000000002-alpha", "log-000000002-alpha,", "log-000000002-alpha,-1", "log-000000002-alpha,1,2",
          "log-000000002-alpha,1x", ",1", "", "log-000000002-alpha,9223372036854775808"}) {
        INFO(text);
        CHECK_FALSE(LogPosition::parse(text));
    }
}

TEST_CASE("fields are split at every separator") {
    using Fields = std::vector<std::string_view>;
    CHECK(split_fields("a,,b") == Fields{"a", "", "b"});
    CHECK(split_fields("") == Fields{""});
    CHECK(split_fields(",") == Fields{"", ""});
    CHECK(split_fields("a:b", ':') == Fields{"a", "b"});
}
