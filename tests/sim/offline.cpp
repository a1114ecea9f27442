// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/sim/offline.hpp"

#include <algorithm>

#include "kernel/base/number.hpp"
#include "kernel/format/log_scan.hpp"
#include "kernel/format/replay_link.hpp"
#include "kernel/format/version_link.hpp"

namespace mars::sim {

namespace {

using format::LogName;

// Applies the good records of `log` from `start` on; returns where they end.
std::uint64_t apply(std::span<const std::byte> log, std::uint64_t start, std::vector<std::byte>& content) {
    format::LogScanner scanner(start, log.size(), format::ScanOptions());
    while (true) {
        auto step = scanner.next();
        if (step.kind == format::ScanKind::need_window) {
            scanner.feed(log.subspan(scanner.position(),
                                     std::min<std::size_t>(scanner.wanted_bytes(), log.size() - scanner.position())));
            continue;
        }
        if (step.kind != format::ScanKind::record) return scanner.position();
        const auto payload = step.record->payload;
        std::copy(payload.begin(), payload.end(), content.begin() + step.record->pos);
    }
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
