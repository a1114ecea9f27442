// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/base/stamp.hpp"

#include <cstdio>
#include <ctime>
#include <limits>

#include "kernel/base/number.hpp"

namespace mars {

namespace {}

std::string Stamp::text() const {
    char buffer[48];
    std::snprintf(buffer, sizeof buffer, "%lld.%09lld", static_cast<long long>(sec), static_cast<long long>(nsec));
    return buffer;
}

std::string Stamp::utc() const {
    const auto time = static_cast<std::time_t>(sec);
    std::tm parts{};
    char buffer[48];
    if (!gmtime_r(&time, &parts) || std::strftime(buffer, sizeof buffer, "%Y-%m-%d %H:%M:%S UTC", &parts) == 0)
        return text();
    return buffer;
}

std::optional<Stamp> Stamp::parse(std::string_view text) {
    auto dot = text.find('.');
    auto sec = parse_number<std::int64_t>(text.substr(0, dot));
    if (!sec || *sec < 0) return std::nullopt;
    if (dot == std::string_view::npos) return Stamp{*sec, 0};
    auto fraction = text.substr(dot + 1);
    if (fraction.empty() || fraction.size() > 9) return std::nullopt;
    auto digits = parse_number<std::int64_t>(fraction);
    if (!digits || *digits < 0 || fraction.front() == '-') return std::nullopt;
    for (auto i = fraction.size(); i < 9; ++i) *digits *= 10;
    return Stamp{*sec, *digits};
}

Stamp operator+(Stamp s, Duration d) {
    std::int64_t sec = s.sec + d.count() / kNsecPerSec;
    std::int64_t nsec = s.nsec + d.count() % kNsecPerSec;
    if (nsec >= kNsecPerSec) {
        nsec -= kNsecPerSec;
        ++sec;
    } else if (nsec < 0) {
        nsec += kNsecPerSec;
        --sec;
    }
    return {sec, nsec};
}

Duration operator-(Stamp a, Stamp b) {
    constexpr std::int64_t limit = std::numeric_limits<std::int64_t>::max() / kNsecPerSec - 1;
    std::int64_t sec = a.sec - b.sec;
    if (sec > limit) return Duration::max();
    if (sec < -limit) return Duration::min();
    return Duration(sec * kNsecPerSec + (a.nsec - b.nsec));
}

} // namespace mars
