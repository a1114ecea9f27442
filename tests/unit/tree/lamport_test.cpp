// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/tree/lamport.hpp"

#include <catch2/catch.hpp>

using namespace mars;
using namespace std::chrono_literals;
using tree::LamportClock;

namespace {

// Real time that stands still unless the test moves it.
class HandClock : public env::Clock {
  public:
    Stamp now() const override { return time; }
    Duration steady() const override { return Duration(0); }
    env::task<void> sleep(Duration) override { co_return; }

    Stamp time{1'700'000'000, 0};
};

constexpr Duration kDay = 24h;

} // namespace

TEST_CASE("a Lamport clock never falls behind real time") {
    HandClock real;
    LamportClock clock(real);
    CHECK(clock.now() == real.time);
    CHECK(clock.seen(Stamp{1, 0}));
    CHECK(clock.now() == real.time);
    real.time = real.time + 5s;
    CHECK(clock.now() == real.time);
    CHECK(clock.tick() == real.time);
}

TEST_CASE("ticks increase strictly although real time stands still or jumps back") {
    HandClock real;
    LamportClock clock(real);
    auto last = clock.tick();
    for (int i = 0; i < 1000; ++i) {
        if (i == 500) real.time = real.time + -1h;
        auto next = clock.tick();
        REQUIRE(last < next);
        last = next;
    }
}

TEST_CASE("what was seen is passed strictly, what was received is not") {
    HandClock real;
    LamportClock clock(real);
    const auto ahead = real.time + 1h;
    CHECK(clock.received(ahead));
    CHECK(clock.now() == ahead);
    CHECK(clock.received(ahead));
    CHECK(clock.now() == ahead);
    CHECK(clock.seen(ahead));
    CHECK(clock.now() == ahead + Duration(1));
    CHECK(clock.tick() == ahead + Duration(2));
}

TEST_CASE("a stamp 31 days ahead is illegal and does not move the clock, one hour ahead moves it") {
    HandClock real;
    LamportClock clock(real);
    const auto far = real.time + 31 * kDay;
    CHECK_FALSE(clock.seen(far));
    CHECK_FALSE(clock.received(far));
    CHECK(clock.now() == real.time);
    CHECK_FALSE(clock.is_legal(real.time + 30 * kDay));
    CHECK(clock.is_legal(real.time + (30 * kDay - Duration(1))));
    CHECK(clock.seen(real.time + 1h));
    CHECK(clock.now() == real.time + 1h);
}

TEST_CASE("when the system clock is set back beyond the limit, stamps near the clock stay legal") {
    HandClock real;
    LamportClock clock(real);
    const auto before = clock.tick();
    real.time = real.time + -100 * kDay;
    CHECK(clock.now() == before);
    CHECK(clock.is_legal(clock.tick()));
    CHECK(clock.is_legal(before + 1s));
    CHECK_FALSE(clock.is_legal(before + 1h));
}
