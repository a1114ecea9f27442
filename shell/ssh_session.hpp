// SPDX-License-Identifier: GPL-2.0-or-later
// SshSession: one blocking ssh session for one command. Runs on: any one thread.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "shell/remote.hpp"
#include "shell/ssh_options.hpp"

namespace mars::shell {

struct SshCall {
    RemoteHost host;
    RemoteOptions options;
    SshOptions ssh;
    std::string command;
    std::string input;
    Duration limit;
    std::shared_ptr<std::atomic<bool>> stop; // set by another thread: give up
};

// Connects, checks the host's key, logs in, runs the command, and disconnects. Failures: remote.ssh.
result<RemoteResult> run_over_ssh(const SshCall& call);

} // namespace mars::shell
