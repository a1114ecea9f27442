// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/format/replay_link.hpp"

#include <limits>
#include <utility>

namespace mars::format {

std::string ReplayLink::text() const {
    return position().text() + "," + std::to_string(dirty);
}

std::optional<ReplayLink> ReplayLink::parse(std::string_view text) {
    if (text.size() > kMaxValueBytes) return std::nullopt;
    const auto fields = split_fields(text);
    if (fields.size() < 3) return std::nullopt;
    auto log = LogName::parse(fields[0]);
    const auto pos = parse_bytes(fields[1]);
    const auto dirty = parse_bytes(fields[2]);
    if (!log || !pos || !dirty) return std::nullopt;
    if (*dirty > std::numeric_limits<std::int64_t>::max() - *pos) return std::nullopt;
    return ReplayLink{*std::move(log), *pos, *dirty};
}

std::weak_ordering compare_progress(const LogPosition& a, const LogPosition& b) {
    if (a.log.seq != b.log.seq) return a.log.seq <=> b.log.seq;
    return a.pos <=> b.pos;
}

std::partial_ordering compare_progress(const std::optional<ReplayLink>& a, const std::optional<ReplayLink>& b) {
    if (!a || !b) return std::partial_ordering::unordered;
    return compare_progress(a->position(), b->position());
}

} // namespace mars::format
