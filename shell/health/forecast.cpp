// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/health/forecast.hpp"

#include <algorithm>

#include "kernel/format/version_link.hpp"
#include "shell/command/hosts.hpp"
#include "shell/command/log_links.hpp"

namespace mars::shell {

namespace {

constexpr Duration kDay = std::chrono::hours(24);
constexpr double kLongest = 100.0 * 365 * 86400; // seconds: beyond that it is never

double seconds(Duration d) {
    return std::chrono::duration<double>(d).count();
}

std::string rate_text(double rate) {
    return tree::amount_text(static_cast<std::int64_t>(rate)) + "/s";
}

// Present throughput of the slower one of fetch and replay, of those that run; KiB/s in the tree.
double progress_of(const Patient& p, const std::string& resource, const std::string& host) {
    double least = 0;
    for (const char* key : {"amount-file_rate", "amount-replay_rate"}) {
        const auto rate =
            1024.0 *
            static_cast<double>(p.view.number(tree::resource_key(resource, "actual-" + host + "/" + key)).value_or(0));
        if (rate > 0) least = least > 0 ? std::min(least, rate) : rate;
    }
    return least;
}

void set_time(Forecast& forecast, double bytes, double rate) {
    const auto time = bytes / rate;
    forecast.rate = rate;
    forecast.outlook = time > kLongest ? Outlook::never : Outlook::in_time;
    if (time <= kLongest) forecast.in = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(time));
}

std::string switched_off(const Patient& p, const std::string& resource, const std::string& host) {
    constexpr std::pair<const char*, const char*> kNeeded[] = {
        {"attach", "its disk is detached"}, {"connect", "its fetch is off"}, {"allow-replay", "its replay is off"}};
    for (const auto& [key, what] : kNeeded)
        if (!p.view.flag(tree::resource_key(resource, "todo-" + host + "/" + key)))
            return std::string("not while ") + what;
    return {};
}

Forecast catch_up_of(const Patient& p, const std::string& resource, const std::string& host, const Measured& measured) {
    Forecast forecast;
    forecast.what = "caught-up";
    forecast.resource = resource;
    forecast.host = host;
    const auto lag = tree::lag_of(p.view, resource, host, p.looker);
    forecast.bytes = lag.bytes;
    const auto size = p.view.number(tree::resource_key(resource, "size")).value_or(0);
    const auto done = p.view.number(tree::resource_key(resource, "syncstatus-" + host)).value_or(0);
    if (done < size) {
        const auto key = tree::resource_key(resource, "actual-" + host + "/amount-sync_rate");
        const auto rate = 1024.0 * static_cast<double>(p.view.number(key).value_or(0));
        const bool is_running = rate > 0 && p.is_on(resource, host, "is-syncing");
        forecast.bytes = size - done;
        forecast.why = "its copy is not complete";
        if (const auto silence = tree::silence_of(p.view, host, p.looker))
            forecast.why += "; " + text_of(*silence, p.now());
        else if (is_running)
            set_time(forecast, static_cast<double>(size - done), rate);
        else
            forecast.outlook = Outlook::never;
        return forecast;
    }
    if (lag.bytes == 0) {
        forecast.outlook = Outlook::done;
        if (const auto silence = tree::silence_of(p.view, host, p.looker)) forecast.why = text_of(*silence, p.now());
        return forecast;
    }
    if (!lag.bytes || p.is_silent(host)) {
        forecast.why = lag.reason;
        return forecast;
    }
    if (auto off = switched_off(p, resource, host); !off.empty()) {
        forecast.outlook = Outlook::never;
        forecast.why = std::move(off);
        return forecast;
    }
    const auto written = measured.rate(resource).value_or(average_rate(p, resource).value_or(0));
    const auto arrives = progress_of(p, resource, host);
    forecast.why = rate_text(arrives) + " are applied, " + rate_text(written) + " are written";
    forecast.outlook = Outlook::never;
    if (arrives > written) set_time(forecast, static_cast<double>(*lag.bytes), arrives - written);
    return forecast;
}

// Free bytes of /mars of `host`: of this host as they are, of others as they have told.
std::optional<std::int64_t> free_bytes(const Patient& p, const std::string& host) {
    if (host == p.me())
        return p.space ? std::optional(static_cast<std::int64_t>(p.space->available_bytes)) : std::nullopt;
    const auto total = p.view.number("actual-" + host + "/total-space");
    const auto rest = p.view.number("actual-" + host + "/rest-space");
    if (!total || *total <= 0 || !rest) return std::nullopt; // smaller than the reserve: not told
    return *rest << 30;
}

// Logs go when all members have applied them: what holds them, and how fast they grow.
Forecast filling_of(const Patient& p, const std::string& host, const std::vector<Forecast>& caught_up,
                    const Measured& measured) {
    Forecast forecast;
    forecast.what = "mars-full";
    forecast.host = host;
    forecast.bytes = free_bytes(p, host);
    double growth = 0;
    bool is_known = true;
    std::map<std::string, std::string> held;
    for (const auto& other : caught_up)
        if (other.outlook != Outlook::done && other.outlook != Outlook::in_time &&
            has_storage(p.view, other.resource, host))
            held[other.resource] += (held[other.resource].empty() ? "" : ", ") + other.host;
    for (const auto& [resource, holders] : held) {
        const auto average = average_rate(p, resource), now = measured.rate(resource);
        is_known = is_known && (average || now);
        growth += std::max(average.value_or(0), now.value_or(0));
        forecast.why += (forecast.why.empty() ? "" : "; ") + ("the logs of " + resource + " are kept for " + holders);
    }
    if (!forecast.bytes)
        forecast.why = "how much is free there is not told";
    else if (const auto silence = tree::silence_of(p.view, host, p.looker))
        forecast.why = text_of(*silence, p.now());
    else if (held.empty())
        forecast.outlook = Outlook::done;
    else if (growth > 0)
        set_time(forecast, static_cast<double>(*forecast.bytes), growth);
    else if (is_known)
        forecast.outlook = Outlook::never;
    return forecast;
}

} // namespace

WrittenSoFar written_so_far(const tree::View& view) {
    WrittenSoFar written;
    for (const auto& resource : all_resources(view)) {
        std::map<std::int64_t, std::int64_t> lengths;
        for (const auto& key : versions_of(view, resource))
            if (const auto link = format::VersionLink::parse(view.value(tree::resource_key(resource, key.name))))
                lengths[key.id.seq] = std::max(lengths[key.id.seq], link->length);
        for (const auto& key : logs_of(view, resource))
            if (const auto file = view.file(tree::resource_key(resource, key.name)))
                lengths[key.id.seq] = std::max(lengths[key.id.seq], static_cast<std::int64_t>(file->size));
        for (const auto& [number, length] : lengths) written[resource] += length;
    }
    return written;
}

std::optional<double> Measured::rate(const std::string& resource) const {
    const auto first = before.find(resource), last = after.find(resource);
    if (taken <= Duration::zero() || first == before.end() || last == after.end()) return std::nullopt;
    return static_cast<double>(std::max<std::int64_t>(last->second - first->second, 0)) / seconds(taken);
}

std::optional<double> average_rate(const Patient& p, const std::string& resource) {
    struct Length {
        std::int64_t bytes = 0;
        Stamp told{}; // by its writer, before others copy it
    };
    std::map<std::int64_t, Length> logs;
    for (const auto& key : versions_of(p.view, resource)) {
        const auto raw = p.view.get(tree::resource_key(resource, key.name));
        const auto link = raw ? format::VersionLink::parse(raw->value) : std::nullopt;
        if (!link) continue;
        auto& log = logs[key.id.seq];
        const bool is_earlier = link->length == log.bytes && raw->stamp < log.told;
        if (log.told == Stamp() || link->length > log.bytes || is_earlier) log = {link->length, raw->stamp};
    }
    std::optional<Stamp> begin;
    std::int64_t bytes = 0;
    for (const auto& [number, log] : logs) {
        if (begin && *begin >= p.now() + -kDay) {
            bytes += log.bytes;
        } else {
            begin = log.told;
            bytes = 0;
        }
    }
    if (!begin || logs.size() < 2 || *begin >= p.now()) return std::nullopt;
    return static_cast<double>(bytes) / seconds(p.now() - *begin);
}

std::vector<Forecast> forecasts(const Patient& p, const std::vector<std::string>& resources, const Measured& measured) {
    std::vector<Forecast> all;
    std::vector<std::string> hosts;
    for (const auto& resource : resources)
        for (const auto& host : members_of(p.view, resource)) {
            if (std::find(hosts.begin(), hosts.end(), host) == hosts.end()) hosts.push_back(host);
            if (!tree::is_primary(p.view, resource, host)) all.push_back(catch_up_of(p, resource, host, measured));
        }
    std::vector<Forecast> full;
    for (const auto& host : hosts) full.push_back(filling_of(p, host, all, measured));
    all.insert(all.end(), full.begin(), full.end());
    return all;
}

std::string_view word_of(Outlook outlook) {
    switch (outlook) {
    case Outlook::done:
        return "done";
    case Outlook::in_time:
        return "in-time";
    case Outlook::never:
        return "never";
    case Outlook::unknown:
        break;
    }
    return "unknown";
}

std::string report_of(const std::vector<Forecast>& all, Stamp now) {
    std::string text;
    for (const auto& f : all) {
        const bool is_full = f.what == "mars-full";
        text += is_full ? "/mars on host " + f.host + ": " : "resource " + f.resource + " on host " + f.host + ": ";
        const auto amount = f.bytes ? tree::amount_text(*f.bytes) : std::string();
        if (f.outlook == Outlook::done)
            text += is_full ? "does not fill up (" + amount + " free): logs go when all members have applied them"
                            : std::string("has caught up");
        else if (f.outlook == Outlook::in_time)
            text += (is_full ? "full in " : "has caught up in ") + tree::age_text(*f.in) + " (at " +
                    tree::clock_text(now + *f.in, now) + "): " + amount + (is_full ? " free" : " to go") + " at " +
                    rate_text(*f.rate);
        else if (f.outlook == Outlook::never)
            text += std::string(is_full ? "does not fill up" : "does not catch up") + " at this rate (" + amount +
                    (is_full ? " free)" : " to go)");
        else
            text += "unknown";
        text += (f.why.empty() ? "" : "; " + f.why) + "\n";
    }
    return text;
}

} // namespace mars::shell
