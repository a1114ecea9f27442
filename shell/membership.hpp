// SPDX-License-Identifier: GPL-2.0-or-later
// Becoming (again) a replica of a resource: what create-resource, join-resource and invalidate have in common.
// Spec: verbs 4.8, 4.9, 4.19; symlink-tree 4.8 (G6), 8.
#pragma once

#include <string>

#include "shell/context.hpp"

namespace mars::shell {

// Queues the directories of ME in the resource, actual-ME/if-on = 0, and the switches (attach off, all others on).
void queue_member_directories(VerbContext& ctx);
// Number of the log at which `primary` is. Waits for its replay link to arrive. Failure: replay.link.
env::task<result<std::int64_t>> current_log_of(VerbContext& ctx, std::string primary);
// Queues replay-ME at the beginning of log `seq` of `primary`, copies of its version links seq and seq − 1, and
// skip-check-ME. Waits for the version links. Failure: replay.link when not even the first one is there.
env::task<result<void>> queue_position(VerbContext& ctx, std::string primary, std::int64_t seq);
// Reports a split brain as warnings; true when there is one.
bool report_split_brain(VerbContext& ctx);

} // namespace mars::shell
