// SPDX-License-Identifier: GPL-2.0-or-later
// Remote: runs commands on other hosts. Real: ssh_remote.* (libssh); the simulation has its own.
// Spec: verbs 2.9.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/result.hpp"
#include "kernel/base/stamp.hpp"
#include "kernel/env/task.hpp"

namespace mars::shell {

struct RemoteHost {
    RemoteHost(std::string n, std::string a) : name(std::move(n)), address(std::move(a)) {}
    std::string name;    // as the user calls it: an alias of the ssh configuration, or a name that resolves
    std::string address; // tried when the name does not resolve; may be empty
};

enum class RemoteStream { output, errors };

// How to connect; from the command line.
struct RemoteOptions {
    int port = 0; // 0: as configured, else 22
    std::string ssh_opts;
    bool accept_new_host_keys = false;
    Duration connect_timeout = std::chrono::seconds(10);
    // Gets what the command prints as it comes, on the caller's thread; may be empty. The result has all of it anyway.
    std::function<void(RemoteStream, std::string_view)> on_text = {};
};

struct RemoteResult {
    int status = 0; // exit status of the command; 128 + N when a signal N ended it
    std::string output;
    std::string errors;
};

class Remote {
  public:
    virtual ~Remote() = default;

    // Runs `argv` on `host` as root with `input` as its stdin; each word arrives as it is. A command that ran is a
    // success, whatever its status. Failures: remote.ssh, with what to do now (unknown or changed host key, no accepted
    // login, unreachable), remote.timeout when connecting and running took longer than `limit` together.
    virtual env::task<result<RemoteResult>> run(RemoteHost host, RemoteOptions options, std::vector<std::string> argv,
                                                std::string input, Duration limit) = 0;
};

} // namespace mars::shell
