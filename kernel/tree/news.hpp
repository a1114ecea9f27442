// SPDX-License-Identifier: GPL-2.0-or-later
// News: how old is what is known of the replicas of a resource, and how far each of them is behind, so that nothing old
// is shown as if it were true now. Pure functions, for the macros and whoever shows a state.
// Tests: tests/unit/tree/news_test.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/tree/view.hpp"

namespace mars::tree {

// Heartbeats come every 2 s: what is older than this has missed two of them.
inline constexpr Duration kFreshNews = std::chrono::seconds(5);

// Who looks, and when (real time).
struct Looker {
    std::string me;
    Stamp now;
    Duration fresh = kFreshNews;
};

struct Silence {
    std::string host;
    std::optional<Stamp> heard; // nullopt: never, as far as is known

    bool operator==(const Silence&) const = default;
};

// `host` is the designated primary of the resource, or is primary in fact.
bool is_primary(const View& view, std::string_view resource, const std::string& host);
// Nothing was heard of `host` lately; of `looker.me`: of its own marsd.
std::optional<Silence> silence_of(const View& view, const std::string& host, const Looker& looker);
// What is known of the replica of `host` comes from that host and, unless it is primary itself, from the primary: the
// one of them that was heard of longest ago, when that is too long ago.
std::optional<Silence> silence_about(const View& view, std::string_view resource, const std::string& host,
                                     const Looker& looker);
// Members of the resource, other than `host`, that nothing was heard of lately.
std::vector<Silence> silent_members(const View& view, std::string_view resource, const std::string& host,
                                    const Looker& looker);

// How far a replica is behind what the primary has acknowledged, as far as is known.
struct Lag {
    std::optional<std::int64_t> bytes; // nullopt: unknown
    std::optional<Duration> time;      // nullopt: unknown
    std::string reason;                // why it is unknown, or only a bound; else empty
};

// 0 for a primary. A replica that is silent itself may have come further meanwhile: then it is a bound, which grows.
Lag lag_of(const View& view, std::string_view resource, const std::string& host, const Looker& looker);
// Bytes of logs that the replica of `host` has not applied, as far as is known here; nullopt: its position is unknown.
std::optional<std::int64_t> bytes_behind(const View& view, std::string_view resource, const std::string& host);

// "no news of hostA for 42 s; data as of 14:03:07".
std::string text_of(const Silence& silence, Stamp now);
// "42 s", "17 min", "5 h", "3 days"; never negative.
std::string age_text(Duration age);
// "14:03:07" in the time zone of this host, with the day when that is another one than that of `now`.
std::string clock_text(Stamp at, Stamp now);
// "47.1 MiB".
std::string amount_text(std::int64_t bytes);

} // namespace mars::tree
