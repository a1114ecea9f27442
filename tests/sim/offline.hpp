// SPDX-License-Identifier: GPL-2.0-or-later
// What a host would have if nothing but its own disk and its own /mars were left of the cluster: the judge's view, made
// without any of marsd's code but that for names and links.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tests/sim/cluster.hpp"

namespace mars::sim {

struct OfflineState {
    bool is_member = false;         // has a replay link
    bool is_consistent = false;     // its sync has finished, and the tail reaches what the sync requires (TL-Y2)
    bool is_primary_log = false;    // the last log replayed is its own
    std::vector<std::byte> content; // of the disk, with the local log tail applied
    std::string end;                // where the tail ended: "log-000000002-alpha,4096"
};

OfflineState offline_state(const Cluster& cluster, const Node& node, const SimResource& resource);

} // namespace mars::sim
