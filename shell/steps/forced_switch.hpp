// SPDX-License-Identifier: GPL-2.0-or-later
// `primary --force`: this host goes on without the old primary, from the end of what has arrived. What that gives up
// is said, and has to be agreed to, before anything is changed. Spec: verbs 4.17, 6.5; symlink-tree 6.2. Tests:
// tests/unit/shell/forced_switch_test.cpp, tests/unit/cluster/forced_switch_test.cpp.
#pragma once

#include <cstdint>
#include <string>

#include "shell/command/context.hpp"
#include "shell/command/verb.hpp"

namespace mars::shell {

env::task<result<Step>> forced_check(VerbContext& ctx);        // 1
env::task<result<Step>> forced_await_fetch(VerbContext& ctx);  // 2
env::task<result<Step>> forced_designate(VerbContext& ctx);    // 8
env::task<result<Step>> forced_await_device(VerbContext& ctx); // 10

// Bytes of logs that `host` has told of, and that are not here.
std::int64_t bytes_beyond(const VerbContext& ctx, const std::string& host);

} // namespace mars::shell
