// SPDX-License-Identifier: GPL-2.0-or-later
// Split brain: have two hosts continued the same log history differently? Answered from replay and version links alone.
// Pure functions over look-ups that the caller provides, safe on any thread; bounded also on nonsense links.
// Links arrive from peers one after the other, so a report may be a race: look again once before acting on it.
// Spec: symlink-tree 3.7. Docs: docs/formats/links.md. Tests: tests/unit/format/split_brain_test.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernel/format/log_name.hpp"

namespace mars::format {

// The value of version-SEQ-HOST in the resource at hand; nullopt when it is absent or deleted.
using VersionLookup = std::function<std::optional<std::string>(std::int64_t seq, std::string_view host)>;

// A host and the position of its replay link.
struct HostPosition {
    std::string host;
    LogPosition position;
};

enum class History {
    common,  // one is a beginning of the other, or both are equal
    split,   // both have gone on after the last common point
    unknown, // links are missing or unreadable: to be reported like a split, without a point
};

struct HistoryResult {
    History kind = History::unknown;
    std::optional<LogPosition> last_common; // the last point in both histories, where it can be told
    std::int64_t beyond_a = 0;              // bytes of logs from there to the position of a, and of b
    std::int64_t beyond_b = 0;
};

// A host has made all that it has written into its own logs, also what it has not applied after a crash: then its
// position is the end of that, as its version links tell. Others are where their replay link says.
HostPosition known_end(HostPosition host, const VersionLookup& version);

// Walks both histories back to where they meet. Symmetric in a and b.
HistoryResult compare_histories(const HostPosition& a, const HostPosition& b, const VersionLookup& version);

// Two hosts whose histories are split or cannot be compared.
struct SplitPair {
    std::string host_a;
    std::string host_b;
    HistoryResult history;
};

struct SplitBrain {
    std::vector<SplitPair> pairs;
    // Two logs of the same number from different hosts; looked for only when no pair is split.
    std::optional<std::pair<LogName, LogName>> double_log;

    bool found() const { return !pairs.empty() || double_log.has_value(); }
    // One line per finding for an operator; empty when nothing was found.
    std::string text() const;
};

// Compares all pairs of `hosts` (those with a readable replay link), then looks for doubles in `logs` (names of all
// log files of the resource, any order). Complexity: pairs × length of the walked history.
SplitBrain find_split_brain(std::span<const HostPosition> hosts, std::span<const LogName> logs,
                            const VersionLookup& version);

// The lowest number that two hosts have used, with the two names; nullopt when there is none.
std::optional<std::pair<LogName, LogName>> find_double_log(std::span<const LogName> logs);

} // namespace mars::format
