// SPDX-License-Identifier: GPL-2.0-or-later
// Whether the application of a resource runs on this host, published for all hosts:
// `userspace/systemd-application-HOST` is the start unit's state in systemd's words. A generated companion of the start
// unit, which begins and ends with it, calls the verb systemd-application-extern; so an end that nobody has ordered is
// told at once. Without the companion (no template), and for a start unit that is over as soon as it has been started,
// the key is missing. Tests: tests/unit/shell/application_state_test.cpp.
#pragma once

#include <string>

#include "shell/command/context.hpp"

namespace mars::shell::systemd {

// Before the start unit is started here: what an earlier boot has published is not true any more.
env::task<result<void>> note_begin(VerbContext& ctx);
// After it was started, or was found active: the companion is made to follow it. Without a companion nothing is
// published. Only warns: the application runs.
env::task<void> follow_application(VerbContext& ctx);
// Called by the companion. `has_ended`: else it has begun. When the companion alone has ended, what was told is taken
// back. Failures: unit.bus; those of a commit.
env::task<result<void>> publish_application(VerbContext& ctx, bool has_ended);

} // namespace mars::shell::systemd
