// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/format/histories.hpp"

#include <algorithm>

namespace mars::format {

namespace {

bool is_earlier(const LogPosition& a, const LogPosition& b) {
    return a.log.seq != b.log.seq ? a.log.seq < b.log.seq : a.pos < b.pos;
}

// Each host that has something which no other host has, too; of equal ones, the first.
std::vector<HostPosition> find_heads(const std::vector<HostPosition>& ends, const VersionLookup& version) {
    std::vector<HostPosition> heads;
    for (std::size_t i = 0; i < ends.size(); ++i) {
        bool is_contained = false;
        for (std::size_t k = 0; k < ends.size() && !is_contained; ++k) {
            if (i == k) continue;
            const auto history = compare_histories(ends[i], ends[k], version);
            if (history.kind != History::common || history.beyond_a > 0) continue;
            is_contained = history.beyond_b > 0 || k < i;
        }
        if (!is_contained) heads.push_back(ends[i]);
    }
    return heads;
}

} // namespace

Histories find_histories(std::span<const HostPosition> hosts, const VersionLookup& version) {
    Histories found;
    std::vector<HostPosition> ends;
    for (const auto& host : hosts) ends.push_back(known_end(host, version));
    const auto heads = find_heads(ends, version);
    if (heads.size() < 2) return found;
    for (const auto& head : heads) found.versions.push_back(Version{head, {head.host}, 0});
    bool is_point_known = true;
    for (std::size_t i = 0; i < heads.size(); ++i)
        for (std::size_t k = i + 1; k < heads.size(); ++k) {
            const auto history = compare_histories(heads[i], heads[k], version);
            auto& a = found.versions[i].beyond;
            auto& b = found.versions[k].beyond;
            a = std::max(a, history.beyond_a);
            b = std::max(b, history.beyond_b);
            if (!history.last_common)
                is_point_known = false;
            else if (!found.last_common || is_earlier(*history.last_common, *found.last_common))
                found.last_common = history.last_common;
        }
    if (!is_point_known) found.last_common.reset();
    for (const auto& end : ends) {
        std::vector<Version*> possible;
        bool is_head = false;
        for (auto& one : found.versions) {
            is_head = is_head || one.head.host == end.host;
            if (compare_histories(end, one.head, version).kind == History::common) possible.push_back(&one);
        }
        if (is_head) continue;
        if (possible.size() == 1)
            possible.front()->hosts.push_back(end.host);
        else
            found.undecided.push_back(end.host);
    }
    return found;
}

} // namespace mars::format
