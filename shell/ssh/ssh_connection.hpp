// SPDX-License-Identifier: GPL-2.0-or-later
// SshConnection: a host that we are logged in to by ssh. Nothing waits inside libssh: each step is repeated until it is
// done, the call's time is over, or somebody has asked to stop. Runs on: one thread at a time, any. Tests:
// tests/unit/shell/ssh_remote_test.cpp (against a real sshd).
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "shell/ssh/remote.hpp"
#include "shell/ssh/ssh_options.hpp"

struct ssh_session_struct;

namespace mars::shell {

// One command on another host, and how long anybody cares for it.
struct SshCall {
    RemoteHost host;
    RemoteOptions options;
    SshOptions ssh;
    std::vector<std::string> argv;
    std::string input;
    Duration limit;
    std::chrono::steady_clock::time_point end;                   // of the whole call
    std::shared_ptr<std::atomic<bool>> stop;                     // set by another thread: give up
    std::function<void(RemoteStream, std::string)> on_text = {}; // called on the session's thread

    bool is_stopped() const { return stop->load(); }
    bool is_late() const { return std::chrono::steady_clock::now() > end; }
};

// How soon a call notices that it shall end.
inline constexpr int kPollMilliseconds = 100;

class SshConnection {
  public:
    // Connects, checks the host's key, and logs in. Failures: remote.ssh, remote.timeout.
    static result<std::unique_ptr<SshConnection>> open(const SshCall& call);
    ~SshConnection();
    SshConnection(const SshConnection&) = delete;
    SshConnection& operator=(const SshConnection&) = delete;

    const std::string& name() const { return name_; } // of the host
    ssh_session_struct* session() const { return session_; }
    // Until something may have happened on the connection, or a moment has passed.
    void wait_for_traffic();
    // `again`: what `step` returns when it would have to wait. SSH_ERROR when the call's time is over.
    int patiently(const SshCall& call, int again, const std::function<int()>& step);
    // `what` could not be done: libssh's words, or that the call has ended.
    failure failed(const SshCall& call, const std::string& what) const;

  private:
    explicit SshConnection(const std::string& name);
    std::string option(int which) const;
    result<void> set(const SshCall& call, int option, const void* value, std::string_view what);
    result<void> configure(const SshCall& call);
    result<void> connect(const SshCall& call);
    result<void> open_socket(const SshCall& call, std::chrono::steady_clock::time_point end);
    int known_state(const SshCall& call);
    result<void> check_host_key(const SshCall& call);
    result<void> log_in(const SshCall& call);

    std::string name_;
    ssh_session_struct* session_ = nullptr;
};

} // namespace mars::shell
