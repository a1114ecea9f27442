// SPDX-License-Identifier: GPL-2.0-or-later
// An operator declares what no program can know of a replica: that it is complete (fake-sync), or where it stands
// (set-replay). Spec: verbs 4.20, 4.21. Tests: tests/unit/shell/split_report_test.cpp.
#pragma once

#include "shell/command/context.hpp"
#include "shell/command/verb.hpp"

namespace mars::shell {

env::task<result<Step>> fake_sync_switch_off(VerbContext& ctx); // 1
env::task<result<Step>> fake_sync_wait(VerbContext& ctx);       // 2
env::task<result<Step>> fake_sync_declare(VerbContext& ctx);    // 3

env::task<result<Step>> set_replay_check(VerbContext& ctx); // 1
env::task<result<Step>> set_replay_link(VerbContext& ctx);  // 8

} // namespace mars::shell
