// SPDX-License-Identifier: GPL-2.0-or-later
// run_local_command: a command on this host, under the rules of a command on another one (ssh_session.hpp).
// Blocks; runs on: any one thread. Tests: tests/unit/shell/ssh_remote_test.cpp.
#pragma once

#include "shell/ssh_session.hpp"

namespace mars::shell {

// Its own process group is killed when the time is over or the call is stopped. Failures: remote.ssh (cannot be
// started), remote.timeout.
result<RemoteResult> run_local_command(const SshCall& call);

} // namespace mars::shell
