// SPDX-License-Identifier: GPL-2.0-or-later
// When a host is close enough behind a primary to stop the application there.
#include <catch2/catch.hpp>

#include "shell/steps/catch_up.hpp"

using namespace mars;
using namespace mars::shell;
using namespace std::chrono_literals;

namespace {
constexpr std::int64_t kMiB = 1 << 20;
}

TEST_CASE("nothing is missing: close at once") {
    CatchUp catch_up;
    CHECK_FALSE(catch_up.is_close());
    catch_up.note(0s, 3, 4096, {{2, 8192}, {3, 4096}});
    CHECK(catch_up.is_close());
    CHECK(catch_up.rest() == 0);
}

TEST_CASE("a backlog is close when it is less than what the line carries in a second") {
    CatchUp catch_up;
    // 24 MiB over 375 KiB/s, in two logs
    const std::int64_t rate = 384 * 1024;
    int seconds = 0;
    for (std::int64_t at = 0; seconds < 100; ++seconds, at += rate) {
        const bool is_first = at < 12 * kMiB;
        catch_up.note(std::chrono::seconds(seconds), is_first ? 1 : 2, is_first ? at : at - 12 * kMiB,
                      {{1, 12 * kMiB}, {2, 12 * kMiB}});
        if (catch_up.is_close()) break;
    }
    CHECK(catch_up.rest() <= rate);
    CHECK(catch_up.rest() > 0);
    CHECK(catch_up.bytes_per_second().value_or(0) == Approx(static_cast<double>(rate)));
    CHECK(seconds == 63);
}

TEST_CASE("neither a line's first burst nor the moment at which positions are told is taken for its rate") {
    CatchUp catch_up;
    // 400 KiB/s, told each 2 s; the first 1.1 MiB came at once; the application has just written 1 MiB more.
    const std::int64_t burst = 1100 << 10, rate = 400 << 10;
    for (int tenth = 0; tenth <= 60; ++tenth) {
        const std::int64_t here = tenth < 2 ? 0 : burst + (tenth - 2) / 20 * 2 * rate;
        const std::int64_t end = burst + 6 * rate;
        catch_up.note(std::chrono::milliseconds(100 * tenth), 1, here, {{1, end}});
        CHECK(catch_up.is_close() == (end - here <= rate));
        if (const auto known = catch_up.bytes_per_second()) CHECK(*known == Approx(static_cast<double>(rate)));
    }
}

TEST_CASE("a line that carries nothing never is close") {
    CatchUp catch_up;
    for (int second = 0; second < 20; ++second) catch_up.note(std::chrono::seconds(second), 1, 0, {{1, 4096}});
    CHECK_FALSE(catch_up.is_close());
    CHECK(catch_up.bytes_per_second() == 0.0);
}

TEST_CASE("a steady writer on a line that keeps up is close") {
    CatchUp catch_up;
    catch_up.note(0s, 1, 0, {{1, 100'000}});
    CHECK_FALSE(catch_up.is_close());
    catch_up.note(2s, 1, 100'000, {{1, 300'000}}); // 200 KB behind, 50 KB/s arrived
    CHECK(catch_up.is_close());                    // but what was known then is here
}

TEST_CASE("an application that writes faster than the line carries is never close") {
    CatchUp catch_up;
    for (int second = 0; second < 60; ++second)
        catch_up.note(std::chrono::seconds(second), 1, second * kMiB, {{1, 20 * kMiB + second * 2 * kMiB}});
    CHECK_FALSE(catch_up.is_close());
    CHECK(catch_up.written_per_second() > catch_up.bytes_per_second().value_or(0));
}

TEST_CASE("logs that were purged meanwhile still count as replayed") {
    CatchUp catch_up;
    catch_up.note(0s, 1, 0, {{1, 2 * kMiB}, {2, kMiB}});
    catch_up.note(1s, 1, kMiB, {{1, 2 * kMiB}, {2, kMiB}});
    catch_up.note(3s, 2, kMiB / 2, {{2, kMiB}, {3, kMiB / 2}});
    CHECK(catch_up.rest() == kMiB);
    CHECK(catch_up.bytes_per_second().value_or(0) == Approx(static_cast<double>(kMiB) * 0.75));
}
