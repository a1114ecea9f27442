// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/sim/offline.hpp"

#include <algorithm>

#include "kernel/base/number.hpp"
#include "kernel/format/replay_link.hpp"
#include "kernel/format/version_link.hpp"

namespace mars::sim {

namespace {

using format::LogName;

struct Record {
    std::uint64_t pos = 0; // on the device
    std::span<const std::byte> payload;
    std::uint64_t seq = 0;
    std::uint64_t end = 0; // in the log
};

std::uint64_t load(std::span<const std::byte> bytes, std::size_t at, std::size_t count) {
    std::uint64_t value = 0;
    for (auto i = count; i-- > 0;) value = value << 8 | std::to_integer<std::uint64_t>(bytes[at + i]);
    return value;
}

// A whole record at `at`, by the layout in kernel/format/log_record.h; read apart from marsd's scanner, so that a
// fault of that is none of the judge's. Instead of its checksum, its payload counts: it shows by itself what it is.
std::optional<Record> record_at(std::span<const std::byte> log, std::uint64_t at) {
    constexpr std::size_t kHeader = 48, kTrailer = 36;
    constexpr std::uint64_t kBegin = 0xa8f7e908d9177957, kEnd = 0x74941fb74ab5726d, kWrite = 1;
    if (log.size() < at + kHeader + kTrailer) return std::nullopt;
    const auto rest = log.subspan(at);
    const auto total = load(rest, 10, 2);
    if (load(rest, 0, 8) != kBegin || load(rest, 8, 1) != 1 || load(rest, 9, 1) == 0) return std::nullopt;
    if (total <= kHeader + kTrailer || total > rest.size()) return std::nullopt;
    const auto trailer = rest.subspan(total - kTrailer);
    const bool is_plain = load(rest, 36, 2) == total - kHeader - kTrailer && load(rest, 38, 2) == 0;
    if (!is_plain || load(rest, 44, 2) != kWrite || load(trailer, 0, 8) != kEnd || load(trailer, 12, 1) != 1)
        return std::nullopt;
    Record record{load(rest, 28, 8), rest.subspan(kHeader, total - kHeader - kTrailer), load(trailer, 16, 4),
                  at + total};
    if (!WriteHistory::is_of_one_write(record.payload, record.pos / kSector)) return std::nullopt;
    return record;
}

// Applies the good records of `log` from `start` on; returns where they end.
std::uint64_t apply(std::span<const std::byte> log, std::uint64_t start, std::vector<std::byte>& content) {
    auto position = start;
    std::uint64_t previous = 0;
    while (const auto record = record_at(log, position)) {
        if (previous != 0 && record->seq != 0 && record->seq != previous + 1) break;
        if (record->pos + record->payload.size() > content.size()) break;
        std::copy(record->payload.begin(), record->payload.end(),
                  content.begin() + static_cast<std::ptrdiff_t>(record->pos));
        previous = record->seq;
        position = record->end;
    }
    return position;
}

} // namespace

OfflineState offline_state(const Cluster& cluster, const Node& node, const SimResource& resource) {
    OfflineState state;
    const auto name = node.name();
    auto replay = format::ReplayLink::parse(cluster.link(node, resource.key("replay-" + name)));
    if (!replay) return state;
    state.is_member = true;
    state.content = *node.machine.filesystem().contents(resource.disk);
    LogName log = replay->log;
    auto position = static_cast<std::uint64_t>(replay->pos);
    // A log is followed by the next one only if the version links say that it is complete.
    while (auto* bytes = node.machine.filesystem().contents(resource.key(log.text()))) {
        if (bytes->size() > position) position = apply(*bytes, position, state.content);
        std::optional<LogName> next;
        for (auto& file : node.machine.filesystem().names_in(resource.directory()))
            if (auto found = LogName::parse(file); found && found->seq == log.seq + 1) next = found;
        if (!next) break;
        const auto theirs = cluster.link(node, resource.key(format::version_key(next->seq, next->host)));
        const auto head = format::head_position(format::version_prev(theirs));
        const bool is_complete =
            next->host == name || (head && head->log == log && head->pos == static_cast<std::int64_t>(position));
        if (!is_complete) break;
        log = *next;
        position = 0;
    }
    const format::LogPosition end{log, static_cast<std::int64_t>(position)};
    state.end = end.text();
    state.is_primary_log = log.host == name;
    const auto synced = parse_number<std::int64_t>(cluster.link(node, resource.key("syncstatus-" + name)));
    const auto required = format::ReplayLink::parse(cluster.link(node, resource.key("syncpos-" + name)));
    state.is_consistent = synced && *synced >= static_cast<std::int64_t>(resource.bytes) &&
                          (!required || format::compare_progress(end, required->dirty_end()) >= 0);
    return state;
}

} // namespace mars::sim
