// SPDX-License-Identifier: GPL-2.0-or-later
// SshSession: runs one command after the other on a host that we are logged in to. When the call's time is over, or
// somebody has asked to stop, the command there is told to end, and heard for a moment (remote_end.hpp). Runs on: one
// thread at a time, any. Tests: tests/unit/shell/ssh_remote_test.cpp (against a real sshd).
#pragma once

#include <memory>
#include <string>

#include "shell/ssh/ssh_connection.hpp"

struct ssh_channel_struct;

namespace mars::shell {

// More than a command may print.
inline constexpr std::size_t kMostOutput = std::size_t{16} << 20;

class SshSession {
  public:
    explicit SshSession(std::unique_ptr<SshConnection> connection) : connection_(std::move(connection)) {}

    // Runs the command of the call. `has_started`: false when it failed before the other side could begin with it.
    result<RemoteResult> run(const SshCall& call, bool& has_started);

  private:
    struct Conversation {
        bool is_attended = false; // the command was asked to end with its caller (attended.hpp)
        bool awaits_mark = false; // nothing of stderr was seen yet
        bool has_mark = false;    // and it does
    };
    failure told_to_stop(const SshCall& call, const Conversation& talk, const RemoteResult& so_far) const;
    result<RemoteResult> converse(const SshCall& call, bool& has_started, bool is_attended);
    result<void> write_all(const SshCall& call, ssh_channel_struct* channel, bool is_attended);
    result<void> read_all(const SshCall& call, ssh_channel_struct* channel, Conversation& talk, RemoteResult& into);
    bool drain_errors(const SshCall& call, ssh_channel_struct* channel, Conversation& talk, RemoteResult& into);
    static void strip_mark(Conversation& talk, std::string& errors);

    std::unique_ptr<SshConnection> connection_;
    bool is_old_ = false; // the marsadm there knows no attended commands
};

} // namespace mars::shell
