// SPDX-License-Identifier: GPL-2.0-or-later
// invalidate: throws the own history away and starts over as a copy of the primary. Also used by join-resource when it
// has raced with a log rotation. Spec: verbs 4.19; symlink-tree 8.
#pragma once

#include "shell/command/context.hpp"
#include "shell/command/verb.hpp"

namespace mars::shell {

// The phases, in order; each may be called alone.
env::task<result<Step>> invalidate_check(VerbContext& ctx);
env::task<result<Step>> invalidate_switch_off(VerbContext& ctx);
env::task<result<Step>> invalidate_wait(VerbContext& ctx);
env::task<result<Step>> invalidate_cut(VerbContext& ctx);
env::task<result<Step>> invalidate_purge(VerbContext& ctx);
env::task<result<Step>> invalidate_link(VerbContext& ctx);
env::task<result<Step>> invalidate_switch_on(VerbContext& ctx);
// Undo of the phases after the check: nothing is put back, but what is off is said.
env::task<result<Step>> invalidate_tell(VerbContext& ctx);

} // namespace mars::shell
