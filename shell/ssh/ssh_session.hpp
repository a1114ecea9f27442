// SPDX-License-Identifier: GPL-2.0-or-later
// SshSession: one ssh connection, logged in, that runs one command after the other. Nothing waits inside libssh: each
// step is repeated until it is done, the call's time is over, or somebody has asked to stop; then the command there is
// told to end, and heard for a moment (remote_end.hpp). Runs on: one thread at a time, any. Tests:
// tests/unit/shell/ssh_remote_test.cpp (against a real sshd).
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "shell/ssh/remote.hpp"
#include "shell/ssh/ssh_options.hpp"

struct ssh_session_struct;
struct ssh_channel_struct;

namespace mars::shell {

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
// More than a command may print.
inline constexpr std::size_t kMostOutput = std::size_t{16} << 20;

class SshSession {
  public:
    // Connects, checks the host's key, and logs in. Failures: remote.ssh, remote.timeout.
    static result<std::unique_ptr<SshSession>> open(const SshCall& call);
    ~SshSession();
    SshSession(const SshSession&) = delete;
    SshSession& operator=(const SshSession&) = delete;

    // Runs the command of the call. `has_started`: false when it failed before the other side could begin with it.
    result<RemoteResult> run(const SshCall& call, bool& has_started);

  private:
    explicit SshSession(const std::string& name);
    struct Conversation {
        bool is_attended = false; // the command was asked to end with its caller (attended.hpp)
        bool awaits_mark = false; // nothing of stderr was seen yet
        bool has_mark = false;    // and it does
    };
    failure failed(const SshCall& call, const std::string& what) const;
    failure told_to_stop(const SshCall& call, const Conversation& talk, const RemoteResult& so_far) const;
    template<class Step>
    int patiently(const SshCall& call, int again, Step step);
    std::string option(int which) const;
    result<void> set(const SshCall& call, int option, const void* value, std::string_view what);
    result<void> configure(const SshCall& call);
    result<void> connect(const SshCall& call);
    result<void> open_socket(const SshCall& call, std::chrono::steady_clock::time_point end);
    int known_state(const SshCall& call);
    result<void> check_host_key(const SshCall& call);
    result<void> log_in(const SshCall& call);
    result<RemoteResult> converse(const SshCall& call, bool& has_started, bool is_attended);
    result<void> write_all(const SshCall& call, ssh_channel_struct* channel, bool is_attended);
    result<void> read_all(const SshCall& call, ssh_channel_struct* channel, Conversation& talk, RemoteResult& into);
    bool drain_errors(const SshCall& call, ssh_channel_struct* channel, Conversation& talk, RemoteResult& into);
    static void strip_mark(Conversation& talk, std::string& errors);

    std::string name_;
    ssh_session_struct* session_ = nullptr;
    bool is_old_ = false; // the marsadm there knows no attended commands
};

} // namespace mars::shell
