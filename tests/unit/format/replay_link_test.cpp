// SPDX-License-Identifier: GPL-2.0-or-later
// Replay links are read and written, and ordered by log number and position only.
#include "kernel/format/replay_link.hpp"

#include <catch2/catch.hpp>

using namespace mars::format;

TEST_CASE("a replay link is read and written") {
    const auto link = ReplayLink::parse("log-000000002-alpha,69632,4096");
    REQUIRE(link);
    CHECK(link->log == LogName{2, "alpha"});
    CHECK(link->pos == 69632);
    CHECK(link->dirty == 4096);
    CHECK(link->text() == "log-000000002-alpha,69632,4096");
    CHECK(link->position() == LogPosition{{2, "alpha"}, 69632});
    CHECK(link->dirty_end() == LogPosition{{2, "alpha"}, 73728});
    CHECK(ReplayLink{{1, "a-b"}, 0, 0}.text() == "log-000000001-a-b,0,0");
}

TEST_CASE("unknown further fields of a replay link are ignored") {
    CHECK(ReplayLink::parse("log-000000002-alpha,1,2,future") == ReplayLink{{2, "alpha"}, 1, 2});
    CHECK(ReplayLink::parse("log-000000002-alpha,1,2,") == ReplayLink{{2, "alpha"}, 1, 2});
}

TEST_CASE("other texts are no replay links") {
    const char* text =
        GENERATE("", ".deleted", "(none)", "log-000000002-alpha", "log-000000002-alpha,1", "log-000000002-alpha,1,",
                 "log-000000002-alpha,,2", "log-000000002-alpha,-1,2", "log-000000002-alpha,1,-2",
                 "log-000000002-alpha,1 ,2", "log-000000002-alpha,+1,2", "log-000000002-alpha,9223372036854775807,1",
                 "log-000000002-alpha,1;2", "log-000000002-alpha,0x10,2", "2,1,0");
    INFO(text);
    CHECK_FALSE(ReplayLink::parse(text));
}

TEST_CASE("a text longer than any link is refused") {
    CHECK_FALSE(ReplayLink::parse("log-000000002-alpha,1,2," + std::string(5000, 'x')));
}

TEST_CASE("progress compares numbers, not their digits") {
    struct Case {
        LogPosition a, b;
        std::weak_ordering order;
    };
    const auto less = std::weak_ordering::less;
    const auto same = std::weak_ordering::equivalent;
    const std::vector<Case> cases{{{{2, "alpha"}, 100}, {{3, "alpha"}, 0}, less},
                                  {{{9, "alpha"}, 5}, {{10, "alpha"}, 4}, less},
                                  {{{2, "alpha"}, 99999}, {{2, "alpha"}, 100000}, less},
                                  {{{2, "alpha"}, 9}, {{2, "alpha"}, 10}, less},
                                  {{{2, "alpha"}, 7}, {{2, "beta"}, 7}, same}};
    for (const auto& c : cases) {
        INFO(c.a.text() << " and " << c.b.text());
        CHECK(compare_progress(c.a, c.b) == c.order);
        CHECK(compare_progress(c.b, c.a) == (0 <=> c.order));
    }
}

TEST_CASE("an unreadable replay link is neither behind nor ahead") {
    const auto link = ReplayLink::parse("log-000000002-alpha,1,2");
    const std::optional<ReplayLink> none;
    CHECK(compare_progress(link, none) == std::partial_ordering::unordered);
    CHECK(compare_progress(none, link) == std::partial_ordering::unordered);
    CHECK(compare_progress(link, link) == std::partial_ordering::equivalent);
    CHECK(compare_progress(link, ReplayLink::parse("log-000000002-beta,3,0")) == std::partial_ordering::less);
}
