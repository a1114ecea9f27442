// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/tree/log_progress.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include "kernel/base/number.hpp"
#include "kernel/format/replay_link.hpp"

namespace mars::tree {

namespace {

// What is known about the log of one number.
struct LogLength {
    std::optional<std::int64_t> file, own_file, recorded;

    std::optional<std::int64_t> size() const { return own_file ? own_file : file; }
    std::optional<std::int64_t> known() const {
        auto present = size();
        if (!present || !recorded) return present ? present : recorded;
        return std::max(*present, *recorded);
    }
};

// The digits of the first ",DIGITS:" of a version link.
std::optional<std::int64_t> recorded_length(std::string_view value) {
    for (auto colon = value.find(':'); colon != std::string_view::npos; colon = value.find(':', colon + 1)) {
        auto comma = value.rfind(',', colon);
        if (comma == std::string_view::npos) continue;
        if (auto length = parse_number<std::int64_t>(value.substr(comma + 1, colon - comma - 1))) return length;
    }
    return std::nullopt;
}

using Lengths = std::map<std::int64_t, LogLength>;

Lengths read_lengths(const View& view, const std::string& directory, const std::string& host) {
    Lengths lengths;
    std::string parent = directory.substr(0, directory.size() - 1);
    for (auto& name : view.names(parent, "log-")) {
        auto log = format::LogName::parse(name);
        auto file = log ? view.file(directory + name) : std::nullopt;
        if (!file) continue;
        auto size = static_cast<std::int64_t>(file->size);
        auto& entry = lengths[log->seq];
        entry.file = std::max(entry.file.value_or(0), size);
        if (log->host == host) entry.own_file = size;
    }
    for (auto& name : view.names(parent, "version-")) {
        auto version = format::parse_numbered_name("version", name);
        auto length = version ? recorded_length(view.value(directory + name)) : std::nullopt;
        if (length) lengths[version->seq].recorded = std::max(lengths[version->seq].recorded.value_or(0), *length);
    }
    return lengths;
}

// Sum of `length` over consecutive numbers from `first` on, in steps of `step`; `last` becomes the last defined one.
template<class Length>
std::int64_t sum_run(const Lengths& lengths, std::int64_t first, std::int64_t step, Length length, std::int64_t& last) {
    std::int64_t sum = 0;
    for (std::int64_t number = first; number >= 1; number += step) {
        auto entry = lengths.find(number);
        auto size = entry == lengths.end() ? std::nullopt : length(entry->second);
        if (!size) break;
        sum += *size;
        last = number;
    }
    return sum;
}

} // namespace

LogProgress log_progress(const View& view, const std::string& directory, const std::string& host,
                         const std::string& replay_link) {
    LogProgress p;
    auto replay = format::ReplayLink::parse(replay_link);
    if (!replay) return p;
    std::int64_t n = replay->log.seq, done = replay->pos, rest = replay->dirty, ignored = 0;
    Lengths lengths = read_lengths(view, directory, host);
    auto by_file = [](const LogLength& l) { return l.size(); };
    auto by_all = [](const LogLength& l) { return l.known(); };
    const LogLength current = lengths.contains(n) ? lengths[n] : LogLength{};
    p.replay_number = p.base_number = p.fetch_number = p.work_number = n;
    p.rest = rest;
    p.back = done + sum_run(lengths, n - 1, -1, by_all, ignored);
    sum_run(lengths, n - 1, -1, by_file, p.base_number);
    auto above_files = sum_run(lengths, n + 1, 1, by_file, p.fetch_number);
    auto above_known = sum_run(lengths, n + 1, 1, by_all, p.work_number);
    auto forward = [&](std::optional<std::int64_t> size, std::int64_t above) {
        return size ? std::max({rest, *size - done, std::int64_t{0}}) + above : rest;
    };
    p.forward_files = forward(current.size(), above_files);
    p.forward_known = forward(current.known(), above_known);
    return p;
}

} // namespace mars::tree
