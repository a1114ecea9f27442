// SPDX-License-Identifier: GPL-2.0-or-later
// How old is what is known, and how far a replica is behind: never something stale as if it were true now.
#include <catch2/catch.hpp>

#include "kernel/tree/news.hpp"
#include "kernel/tree/write_burst.hpp"
#include "tests/unit/map_view.hpp"

using namespace mars;
using namespace mars::tree;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t kNow = 1'700'000'000;

// Primary a, secondary b; both heard of a second ago, and level.
struct Two : test::MapView {
    Two() {
        set("resource-r/primary", "a");
        set("resource-r/actual-a/is-primary", "1");
        for (const std::string host : {"a", "b"}) {
            heard(host, 1);
            set("resource-r/data-" + host, "/dev/vg/r");
            set("resource-r/replay-" + host, "log-000000003-a,4096,0");
            set("resource-r/version-000000003-" + host, "x,log-000000003-a,4096:y,log-000000002-a,8192");
        }
    }
    void heard(const std::string& host, std::int64_t seconds_ago) {
        set("actual-" + host + "/alive", "1", Stamp{kNow - seconds_ago, 0});
    }
    void written(const std::string& end) {
        set("resource-r/version-000000003-a", "x,log-000000003-a," + end + ":y,log-000000002-a,8192");
    }
};

Looker from(const std::string& me) {
    return {me, Stamp{kNow, 0}};
}

} // namespace

TEST_CASE("a replica that is level has no lag, however long nobody has written") {
    Two two;
    const auto lag = lag_of(two, "r", "b", from("b"));
    CHECK(lag.bytes == 0);
    CHECK(lag.time == Duration(0));
    CHECK(lag.reason.empty());
    CHECK_FALSE(silence_about(two, "r", "b", from("b")));
}

TEST_CASE("on a secondary whose primary is silent nobody knows the lag") {
    Two two;
    two.heard("a", 42);
    const auto silence = silence_about(two, "r", "b", from("b"));
    REQUIRE(silence);
    CHECK(text_of(*silence, from("b").now) ==
          "no news of a for 42 s; data as of " + clock_text(Stamp{kNow - 42, 0}, from("b").now));
    const auto lag = lag_of(two, "r", "b", from("b"));
    CHECK_FALSE(lag.bytes);
    CHECK_FALSE(lag.time);
    CHECK(lag.reason.find("no news of a for 42 s") == 0);
    CHECK(lag.reason.find("b was 0 B behind then") != std::string::npos);
}

TEST_CASE("on the primary the lag of a silent secondary grows, in bytes and in seconds") {
    Two two;
    two.heard("b", 42);
    CHECK_FALSE(silence_about(two, "r", "a", from("a"))); // what the primary has itself it knows
    CHECK(silent_members(two, "r", "a", from("a")) == std::vector<Silence>{{"b", Stamp{kNow - 42, 0}}});
    two.written("8192");
    auto lag = lag_of(two, "r", "b", from("a"));
    CHECK(lag.bytes == 4096);
    CHECK(lag.time == Duration(42s));
    CHECK(lag.reason.find("no news of b for 42 s") == 0);
    two.written("1048576");
    two.heard("b", 60);
    lag = lag_of(two, "r", "b", from("a"));
    CHECK(lag.bytes == 1048576 - 4096);
    CHECK(lag.time == Duration(60s));
}

TEST_CASE("the lag in seconds is the age of the oldest write that is missing, whatever pause was before") {
    Two two;
    two.written("8192");
    CHECK_FALSE(lag_of(two, "r", "b", from("b")).time); // not told, as by older releases
    two.set("resource-r/actual-b/replay-stamp", Stamp{kNow - 3600, 0}.text());
    CHECK(lag_of(two, "r", "b", from("b")).time == Duration(1h)); // at most
    const auto burst = [&](std::int64_t seconds_ago, std::int64_t position) {
        const WriteBurst value{Stamp{kNow - seconds_ago, 0}, {format::LogName{3, "a"}, position}};
        CHECK(WriteBurst::parse(value.text()) == value);
        two.set("resource-r/actual-a/write-burst", value.text());
    };
    burst(2, 4096); // b had everything until then
    CHECK(lag_of(two, "r", "b", from("b")).time == Duration(2s));
    burst(2, 6144); // b lacks some of what was written before
    CHECK(lag_of(two, "r", "b", from("b")).time == Duration(1h));
    burst(600, 4096); // b is in the midst of a long burst
    two.set("resource-r/actual-b/replay-stamp", Stamp{kNow - 7, 0}.text());
    CHECK(lag_of(two, "r", "b", from("b")).time == Duration(7s));
    two.set("resource-r/actual-b/replay-stamp", Stamp{kNow + 7, 0}.text()); // a clock is ahead
    CHECK_FALSE(lag_of(two, "r", "b", from("b")).time);
    two.written("4096");
    CHECK(lag_of(two, "r", "b", from("b")).time == Duration(0));
    CHECK_FALSE(WriteBurst::parse("17"));
    CHECK_FALSE(WriteBurst::parse("17.5,log-x"));
}

TEST_CASE("of the hosts that are silent the one that was heard of longest ago counts") {
    Two two;
    two.heard("a", 42);
    two.heard("b", 100); // marsd of b stands still, and b itself looks
    CHECK(silence_about(two, "r", "b", from("b"))->host == "b");
    two.set("actual-a/alive", std::string(kDeleted));
    CHECK(silence_about(two, "r", "b", from("b")) == Silence{"a", std::nullopt});
    CHECK(text_of(Silence{"a", std::nullopt}, from("b").now) == "no news of a so far");
}

TEST_CASE("ages are told in the unit that fits") {
    CHECK(age_text(-3s) == "0 s");
    CHECK(age_text(119s) == "119 s");
    CHECK(age_text(150s) == "2 min");
    CHECK(age_text(3h) == "3 h");
    CHECK(age_text(72h) == "3 days");
    CHECK(amount_text(49'500'000) == "47.2 MiB");
    CHECK(amount_text(17) == "17 B");
}
