// SPDX-License-Identifier: GPL-2.0-or-later
// Stamp: a point in time as the tree and the logs carry it: seconds and nanoseconds since the epoch.
// Lamport times and real times have the same form; comparison is by (seconds, nanoseconds). Spec: symlink-tree 0, 1.5.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mars {

using Duration = std::chrono::nanoseconds;

inline constexpr std::int64_t kNsecPerSec = 1'000'000'000;

struct Stamp {
    std::int64_t sec = 0;
    std::int64_t nsec = 0; // 0 … 999999999

    auto operator<=>(const Stamp&) const = default;

    // Text form STAMP: "SECONDS.NNNNNNNNN", exactly nine fractional digits.
    std::string text() const;
    // "2026-11-27 14:03:07 UTC", for people.
    std::string utc() const;
    // Accepts "SECONDS" and "SECONDS.FRACTION" (1 to 9 digits). Anything else: nullopt.
    static std::optional<Stamp> parse(std::string_view text);
};

Stamp operator+(Stamp s, Duration d);
Duration operator-(Stamp a, Stamp b); // saturates at the range of Duration (±292 years)

} // namespace mars
