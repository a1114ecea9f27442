// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/format/split_brain.hpp"

#include <algorithm>

#include "kernel/format/version_link.hpp"

namespace mars::format {

namespace {

// One side of the walk.
struct Side {
    std::string host;
    LogPosition position;
    int depth = 0;           // logs gone back
    std::int64_t beyond = 0; // bytes gone back
};

// What came before log number `seq`, as `host` knows it: the end of the log before.
std::optional<LogPosition> predecessor(std::int64_t seq, std::string_view host, const VersionLookup& version) {
    if (const auto own = version(seq, host)) return head_position(version_prev(*own));
    if (seq < 1) return std::nullopt;
    const auto before = version(seq - 1, host);
    return before ? head_position(version_head(*before)) : std::nullopt;
}

// Goes back by one log. False when the links do not tell where; a link that does not lead down tells nothing.
bool step_back(Side& side, const VersionLookup& version) {
    auto before = predecessor(side.position.log.seq, side.host, version);
    if (!before || before->log.seq >= side.position.log.seq) return false;
    side.beyond += side.position.pos;
    side.position = *std::move(before);
    ++side.depth;
    return true;
}

// The begin of a log is the end of the one before: who is in an empty one has not gone on.
bool leave_empty_log(Side& side, const VersionLookup& version) {
    if (side.depth > 0 || side.position.pos > 0 || !step_back(side, version)) return false;
    side.depth = 0;
    return true;
}

// Positions in logs of one name mean the same only when what leads there is the same: a restored host writes other logs
// under the old names.
bool has_other_past(const Side& x, const Side& y, const VersionLookup& version) {
    const auto link = [&](const Side& side) -> std::optional<std::string> {
        auto value = version(side.position.log.seq, side.host);
        const auto at = value ? head_position(version_head(*value)) : std::nullopt;
        if (!at || at->log != side.position.log) return std::nullopt;
        return value;
    };
    const auto a = link(x), b = link(y);
    if (!a || !b) return false;
    const auto before_a = version_prev(*a), before_b = version_prev(*b);
    return !before_a.empty() && !before_b.empty() && before_a != before_b;
}

} // namespace

HostPosition known_end(HostPosition host, const VersionLookup& version) {
    auto& [log, pos] = host.position;
    if (log.host != host.host) return host;
    auto link = version(log.seq, host.host);
    while (link) {
        const auto head = head_position(version_head(*link));
        if (!head || head->log != log) break;
        pos = std::max(pos, head->pos);
        auto next = version(log.seq + 1, host.host);
        const auto end = next ? head_position(version_head(*next)) : std::nullopt;
        if (!end || end->log.host != host.host || end->log.seq != log.seq + 1 || end->pos == 0 ||
            version_prev(*next) != version_head(*link))
            break;
        log = end->log;
        pos = end->pos;
        link = std::move(next);
    }
    return host;
}

HistoryResult compare_histories(const HostPosition& a, const HostPosition& b, const VersionLookup& version) {
    Side x{a.host, a.position};
    Side y{b.host, b.position};
    bool split = false;
    for (;;) {
        const auto& p = x.position;
        const auto& q = y.position;
        bool known = true;
        if (p.log == q.log && has_other_past(x, y, version)) {
            split = true;
            known = step_back(x, version) && step_back(y, version);
            if (!known) return {History::split, std::nullopt};
            continue;
        }
        if (p.log == q.log) {
            const bool both_went_on = x.depth > 0 && y.depth > 0;
            const Side& shorter = p.pos <= q.pos ? x : y;
            if (p.pos == q.pos ? both_went_on : shorter.depth > 0) split = true;
            const auto common = shorter.position;
            return {split ? History::split : History::common, common, x.beyond + p.pos - common.pos,
                    y.beyond + q.pos - common.pos};
        }
        if (p.log.seq == q.log.seq) {
            if (leave_empty_log(x, version) || leave_empty_log(y, version)) continue;
            split = true;
            known = step_back(x, version) && step_back(y, version);
        } else {
            known = step_back(p.log.seq > q.log.seq ? x : y, version);
        }
        if (!known) return {split ? History::split : History::unknown, std::nullopt};
    }
}

std::optional<std::pair<LogName, LogName>> find_double_log(std::span<const LogName> logs) {
    std::vector<LogName> sorted(logs.begin(), logs.end());
    std::sort(sorted.begin(), sorted.end());
    for (std::size_t i = 1; i < sorted.size(); ++i) {
        if (sorted[i - 1].seq == sorted[i].seq && sorted[i - 1].host != sorted[i].host) {
            return std::pair{sorted[i - 1], sorted[i]};
        }
    }
    return std::nullopt;
}

SplitBrain find_split_brain(std::span<const HostPosition> hosts, std::span<const LogName> logs,
                            const VersionLookup& version) {
    SplitBrain found;
    std::vector<HostPosition> ends;
    for (const auto& host : hosts) ends.push_back(known_end(host, version));
    for (std::size_t i = 0; i < hosts.size(); ++i) {
        for (std::size_t k = i + 1; k < hosts.size(); ++k) {
            auto history = compare_histories(ends[i], ends[k], version);
            if (history.kind == History::common) continue;
            found.pairs.push_back({hosts[i].host, hosts[k].host, std::move(history)});
        }
    }
    if (found.pairs.empty()) found.double_log = find_double_log(logs);
    return found;
}

std::string SplitBrain::text() const {
    std::string lines;
    for (const auto& pair : pairs) {
        const auto hosts = pair.host_a + " and " + pair.host_b;
        if (pair.history.kind == History::unknown) {
            lines += "the histories of " + hosts + " cannot be compared: version links are missing\n";
        } else if (pair.history.last_common) {
            lines += hosts + " have gone on differently after " + pair.history.last_common->text() + "\n";
        } else {
            lines += hosts + " have gone on differently, and no common point is known\n";
        }
    }
    if (double_log) {
        lines +=
            "two logs have the same number: " + double_log->first.text() + " and " + double_log->second.text() + "\n";
    }
    return lines;
}

} // namespace mars::format
