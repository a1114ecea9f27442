// SPDX-License-Identifier: GPL-2.0-or-later
// Histories: the versions of a resource that a split brain has made, and who has which. Pure functions over look-ups
// that the caller provides. Tests: tests/unit/format/histories_test.cpp.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "kernel/format/split_brain.hpp"

namespace mars::format {

// One version: the host that has most of it, and all that have nothing else.
struct Version {
    HostPosition head;
    std::vector<std::string> hosts; // with that of `head`, which comes first
    std::int64_t beyond = 0;        // bytes of logs behind the last common position
};

struct Histories {
    std::optional<LogPosition> last_common; // of all versions, where it can be told
    std::vector<Version> versions;          // none when there is no split brain
    std::vector<std::string> undecided;     // hosts that have not gone beyond: they can follow any version
};

// `hosts`: those with a readable replay link.
Histories find_histories(std::span<const HostPosition> hosts, const VersionLookup& version);

} // namespace mars::format
