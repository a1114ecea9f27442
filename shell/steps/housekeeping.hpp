// SPDX-License-Identifier: GPL-2.0-or-later
// What cron does: rotates logs, deletes logs and version links that every member has applied, and removes old deletion
// markers. Decisions are functions of the tree. Spec: verbs 2.7, 4.25, 4.30, 4.31; symlink-tree 1.6 (D7), 4.8, 4.9.
// Tests: tests/unit/shell/housekeeping_test.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shell/command/context.hpp"

namespace mars::shell {

// Queues the next empty log of ME when the last one has content. `quiet`: no words when there is nothing to do.
result<void> rotate_log(VerbContext& ctx, bool quiet);

// Logs below this number are applied by all members: the minimum of the highest log number and all replay positions.
// Failures: logs.none; replay.link when the position of a member is not known, since nothing may be deleted then.
result<std::int64_t> deletion_limit(const VerbContext& ctx);
// Queues the deletion of logs below the limit, in order, stopping at the first one that is younger than 120 s, then of
// the version links that belong to none any more. `only_one`: the lowest number only.
result<void> delete_logs(VerbContext& ctx, bool only_one);

// Markers older than this have been seen by all of `peers`.
Stamp marker_limit(const VerbContext& ctx, const std::vector<std::string>& peers);
// Queues the physical removal of markers older than `limit` directly in `directory`.
void purge_markers(VerbContext& ctx, const std::string& directory, Stamp limit);
// Queues the removal of temporaries that an interrupted command has left in `directory`.
void purge_temporaries(VerbContext& ctx, const std::string& directory);

} // namespace mars::shell
