// SPDX-License-Identifier: GPL-2.0-or-later
// ReplayLink: the value of replay-HOST: how far HOST has applied the logs to its disk. "LOG,POS,DIRTY".
// Values, safe on any thread. Format: docs/formats/links.md. Tests: tests/unit/format/replay_link_test.cpp.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kernel/format/log_name.hpp"

namespace mars::format {

// All earlier logs, and everything below `pos` in `log`, are on the disk; [pos, pos + dirty) may be partly.
struct ReplayLink {
    LogName log;
    std::int64_t pos = 0;   // bytes, 0 …
    std::int64_t dirty = 0; // bytes, 0 …; pos + dirty never overflows

    bool operator==(const ReplayLink&) const = default;

    LogPosition position() const { return {log, pos}; }
    // Behind everything that may have been touched. A copy taken meanwhile is whole once this is replayed.
    LogPosition dirty_end() const { return {log, pos + dirty}; }

    std::string text() const;
    // Three fields; more are ignored. nullopt: no such value, so "unknown" to all rules.
    static std::optional<ReplayLink> parse(std::string_view text);
};

// Who has applied more: by number of the log, then by position; host and dirty length do not count.
std::weak_ordering compare_progress(const LogPosition& a, const LogPosition& b);
// The same for links that may be missing or unreadable: unordered when either is. Spec: symlink-tree 3.6.
std::partial_ordering compare_progress(const std::optional<ReplayLink>& a, const std::optional<ReplayLink>& b);

} // namespace mars::format
