// SPDX-License-Identifier: GPL-2.0-or-later
// ReturnHome: the way back of an application that does not start at the new primary. The order is that of a handover in
// the other direction, given from the host that leaves: the old host answers and lacks nothing; what was started here
// ends; everything that was written here has been replayed there; this host gives up its role, and tells so; only then
// is the old host designated again. Its marsd shows the device when it has everything and all have heard of it, as
// ever. Tests: tests/unit/shell/return_home_test.cpp, tests/e2e/systemd_test.py.
#pragma once

#include "shell/command/context.hpp"
#include "shell/command/verb.hpp"

namespace mars::shell {

// `why`: the start of the application here has failed for good. Takes it back to the host where `primary` has stopped
// it, unless there is none, with --no-return, or when that host cannot have it now. The result is a failure with the
// code of `why` in any case, and says what has happened, in which order, and what to do now.
env::task<result<Step>> return_home(VerbContext& ctx, failure why);

} // namespace mars::shell
