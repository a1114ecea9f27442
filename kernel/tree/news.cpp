// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/tree/news.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

#include "kernel/format/replay_link.hpp"
#include "kernel/tree/heard.hpp"
#include "kernel/tree/log_progress.hpp"
#include "kernel/tree/write_burst.hpp"

namespace mars::tree {

namespace {

std::string designated(const View& view, std::string_view resource) {
    const auto primary = view.value(resource_key(resource, "primary"));
    return primary == kNone ? std::string() : primary;
}

// Longest ago first; never is the longest.
bool is_older(const Silence& a, const Silence& b) {
    return !b.heard ? false : !a.heard || *a.heard < *b.heard;
}

} // namespace

bool is_primary(const View& view, std::string_view resource, const std::string& host) {
    return designated(view, resource) == host || view.flag(resource_key(resource, "actual-" + host + "/is-primary"));
}

std::optional<Silence> silence_of(const View& view, const std::string& host, const Looker& looker) {
    const auto heard = heard_at(view, host, looker.now);
    if (heard && looker.now - *heard <= looker.fresh) return std::nullopt;
    return Silence{host, heard};
}

std::optional<Silence> silence_about(const View& view, std::string_view resource, const std::string& host,
                                     const Looker& looker) {
    auto oldest = silence_of(view, host, looker);
    const auto primary = designated(view, resource);
    if (primary.empty() || is_primary(view, resource, host)) return oldest;
    auto of_primary = silence_of(view, primary, looker);
    return !oldest || (of_primary && is_older(*of_primary, *oldest)) ? of_primary : oldest;
}

std::vector<Silence> silent_members(const View& view, std::string_view resource, const std::string& host,
                                    const Looker& looker) {
    std::vector<Silence> found;
    for (const auto& member : view.suffixes(resource_dir(resource), "data-")) {
        if (member == host) continue;
        if (auto silence = silence_of(view, member, looker)) found.push_back(std::move(*silence));
    }
    return found;
}

std::optional<std::int64_t> bytes_behind(const View& view, std::string_view resource, const std::string& host) {
    const auto replay = view.value(resource_key(resource, "replay-" + host));
    const auto progress = log_progress(view, resource_dir(resource) + "/", host, replay);
    if (progress.replay_number == 0) return std::nullopt;
    return progress.forward_known;
}

namespace {

// Since when the data that `host` has not applied exist: not earlier than the newest write that it has applied, nor, if
// it had everything until then, than the begin of the present burst of writes.
std::optional<Stamp> missing_since(const View& view, std::string_view resource, const std::string& host,
                                   const std::string& primary) {
    const auto applied = Stamp::parse(view.value(resource_key(resource, "actual-" + host + "/replay-stamp")));
    const auto burst = WriteBurst::parse(view.value(resource_key(resource, "actual-" + primary + "/write-burst")));
    const auto replay = format::ReplayLink::parse(view.value(resource_key(resource, "replay-" + host)));
    if (!burst || !replay || format::compare_progress(burst->after, replay->position()) > 0) return applied;
    return std::max(burst->begin, applied.value_or(burst->begin));
}

} // namespace

Lag lag_of(const View& view, std::string_view resource, const std::string& host, const Looker& looker) {
    if (is_primary(view, resource, host)) return {0, Duration(0), ""};
    const auto bytes = bytes_behind(view, resource, host);
    if (!bytes) return {std::nullopt, std::nullopt, "the position of " + host + " is not known"};
    const auto primary = designated(view, resource);
    if (!primary.empty())
        if (const auto silence = silence_of(view, primary, looker))
            return {std::nullopt, std::nullopt,
                    text_of(*silence, looker.now) + "; " + host + " was " + amount_text(*bytes) + " behind then"};
    if (*bytes == 0) return {0, Duration(0), ""};
    Lag lag{bytes, std::nullopt, ""};
    // A stamp of the future tells nothing: the cluster's clock is ahead of this host's.
    const auto since = missing_since(view, resource, host, primary);
    if (since && *since <= looker.now) lag.time = looker.now - *since;
    if (const auto silence = silence_of(view, host, looker)) {
        lag.reason = text_of(*silence, looker.now) + "; " + host + " may have come further since";
        if (!lag.time && silence->heard) lag.time = looker.now - *silence->heard;
    } else if (!lag.time) {
        lag.reason = "since when it misses something is not told";
    }
    return lag;
}

std::string age_text(Duration age) {
    const auto seconds = std::max<std::int64_t>(std::chrono::duration_cast<std::chrono::seconds>(age).count(), 0);
    if (seconds < 120) return std::to_string(seconds) + " s";
    if (seconds < 120 * 60) return std::to_string(seconds / 60) + " min";
    if (seconds < 48 * 3600) return std::to_string(seconds / 3600) + " h";
    return std::to_string(seconds / 86400) + " days";
}

std::string clock_text(Stamp at, Stamp now) {
    const auto local = [](Stamp stamp) {
        const std::time_t time = stamp.sec;
        std::tm parts{};
        localtime_r(&time, &parts);
        return parts;
    };
    const auto then = local(at), today = local(now);
    const bool is_today = then.tm_year == today.tm_year && then.tm_yday == today.tm_yday;
    char text[64];
    const auto length = std::strftime(text, sizeof text, is_today ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &then);
    return {text, length};
}

std::string text_of(const Silence& silence, Stamp now) {
    if (!silence.heard) return "no news of " + silence.host + " so far";
    return "no news of " + silence.host + " for " + age_text(now - *silence.heard) + "; data as of " +
           clock_text(*silence.heard, now);
}

std::string amount_text(std::int64_t bytes) {
    constexpr std::array<const char*, 5> kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
    auto scaled = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (; scaled >= 1024 && unit + 1 < kUnits.size(); ++unit) scaled /= 1024;
    char text[48];
    std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", scaled, kUnits[unit]);
    return text;
}

} // namespace mars::tree
