// SPDX-License-Identifier: GPL-2.0-or-later
// Becoming (again) a replica of a resource: what create-resource, join-resource and invalidate have in common.
// Spec: verbs 4.8, 4.9, 4.19; symlink-tree 4.8 (G6), 8.
#pragma once

#include <string>

#include "kernel/format/log_name.hpp"
#include "shell/command/context.hpp"

namespace mars::shell {

// Queues the directories of ME in the resource, actual-ME/if-on = 0, and the switches (attach off, all others on).
void queue_member_directories(VerbContext& ctx);
// The log at which `primary` is; another host has written it when `primary` is not (yet, or any more) at work. Waits
// for its replay link to arrive. Failure: replay.link.
env::task<result<format::LogName>> current_log_of(VerbContext& ctx, std::string primary);
// Queues replay-ME at the beginning of `log`, at which `primary` is, copies of the primary's version links of its
// number and the one before, and skip-check-ME. Waits for the version links. Failure: replay.link when not even the
// first one is there.
env::task<result<void>> queue_position(VerbContext& ctx, std::string primary, format::LogName log);
// Reports a split brain as warnings; true when there is one.
bool report_split_brain(VerbContext& ctx);

} // namespace mars::shell
