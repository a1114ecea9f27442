// SPDX-License-Identifier: GPL-2.0-or-later
// The limiter keeps the configured rate, measures without one, and never overflows. Numbers: transaction-log 12.2.
#include <catch2/catch.hpp>

#include <cstdlib>

#include "kernel/block/limiter.hpp"

using namespace mars;
using namespace mars::block;
using namespace std::chrono_literals;

TEST_CASE("limiter: the numeric example of the specification") {
    Limiter limiter;
    limiter.settings.max_amount = 10000;
    Duration now = 1000s;
    CHECK(limiter.limit(4096, now) == 309ms);
    CHECK(limiter.amount_rate() == 40960);
    now += 309ms;
    CHECK(limiter.limit(4096, now) == 510ms);
    CHECK(limiter.amount_rate() == 26511);
    now += 510ms;
    for (int i = 0; i < 50; ++i) {
        auto delay = limiter.limit(4096, now);
        CHECK(delay >= 409ms);
        CHECK(delay <= 410ms);
        now += delay;
    }
    CHECK(limiter.total_amount() == 52 * 4096);
    CHECK(limiter.total_operations() == 52);
}

TEST_CASE("limiter: without maxima it measures and never delays") {
    Limiter limiter;
    Duration now = 5s;
    for (int i = 0; i < 200; ++i, now += 10ms) CHECK(limiter.limit(10, now) == 0ms);
    CHECK(std::llabs(static_cast<long long>(limiter.amount_rate()) - 1000) <= 20);
    CHECK(std::llabs(static_cast<long long>(limiter.operations_rate()) - 100) <= 2);
    CHECK(limiter.limit(0, now + 10s) == 0ms); // refreshes only
    CHECK(limiter.amount_rate() == 0);
    CHECK(limiter.total_operations() == 200);
}

TEST_CASE("limiter: operations are limited like amounts") {
    Limiter limiter;
    limiter.settings.max_operations = 100;
    Duration now = 0s, begin = now;
    for (int i = 0; i < 1000; ++i) now += limiter.limit(1, now);
    auto seconds = std::chrono::duration<double>(now - begin).count();
    CHECK(seconds > 9.0);
    CHECK(seconds < 11.0);
}

TEST_CASE("limiter: an ancestor's maximum counts for all its children") {
    Limiter parent;
    parent.settings.max_amount = 1000;
    Limiter a(&parent), b(&parent);
    Duration now = 0s;
    std::uint64_t amount = 0;
    while (now < 20s) {
        now += std::max<Duration>(a.limit(50, now), 1ms);
        now += std::max<Duration>(b.limit(50, now), 1ms);
        amount += 100;
    }
    CHECK(amount > 19'000);
    CHECK(amount < 22'500);
    CHECK(parent.total_amount() == a.total_amount() + b.total_amount());
}

TEST_CASE("limiter: the windows are those of the settings") {
    Limiter limiter;
    limiter.settings.min_window = 200ms;
    limiter.settings.max_window = 400ms;
    CHECK(limiter.limit(1000, 0s) == 0ms);
    limiter.limit(0, 500ms); // older than the largest window: forgotten
    CHECK(limiter.amount_rate() == 0);
}

TEST_CASE("limiter: huge amounts and long delays do not wrap around") {
    Limiter limiter;
    limiter.settings.max_amount = 1;
    auto delay = limiter.limit(std::uint64_t{1} << 40, 0s);
    CHECK(delay > std::chrono::hours(24 * 365));
    CHECK(limiter.amount_rate() == 0x7fffffff);
    CHECK(limiter.limit(std::uint64_t{1} << 60, 1ms) > 0ms);
}

TEST_CASE("limiter: KiB are rounded to the nearest") {
    CHECK(limiter_kib(0) == 0);
    CHECK(limiter_kib(511) == 0);
    CHECK(limiter_kib(512) == 1);
    CHECK(limiter_kib(4096) == 4);
}
