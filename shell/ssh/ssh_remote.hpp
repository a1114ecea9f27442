// SPDX-License-Identifier: GPL-2.0-or-later
// SshRemote: runs commands on other hosts through libssh, with the user's ~/.ssh/config, agent, keys and known_hosts;
// commands for the local host need no ssh. libssh is used from threads, one for each session that works at the moment
// (made when needed, at most kMostSessions); a session is kept and used again for the next command to its host. A
// cancelled call tells the command there to end, and itself ends within seconds. A host key that is not known is
// refused with its fingerprint. Tests: tests/unit/shell/ssh_remote_test.cpp (against a real sshd).
#pragma once

#include <boost/asio/io_context.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kernel/env/env.hpp"
#include "shell/ssh/remote.hpp"

namespace mars::shell {

class SshSession;
class SessionThreads;
struct SshCall;

inline constexpr std::size_t kMostSessions = 256;

class SshRemote final : public Remote {
  public:
    // `local_name`: commands for the host of this name run here.
    SshRemote(env::asio::io_context& context, env::ParkingLot& lot, std::string local_name);
    ~SshRemote() override;

    env::task<result<RemoteResult>> run(RemoteHost host, RemoteOptions options, std::vector<std::string> argv,
                                        std::string input, Duration limit) override;
    // How often a connection was made, and how many commands found one.
    std::size_t connected() const { return connected_; }
    std::size_t reused() const { return reused_; }

  private:
    using SessionPtr = std::shared_ptr<SshSession>;
    env::task<result<RemoteResult>> run_here(RemoteOptions options, std::vector<std::string> argv, std::string input,
                                             Duration limit);
    SessionPtr take_idle(const std::string& key);

    env::asio::io_context& context_;
    env::ParkingLot& lot_;
    std::string local_name_;
    std::map<std::string, std::vector<SessionPtr>> idle_; // by host and how it was connected
    std::unique_ptr<SessionThreads> threads_;
    std::size_t connected_ = 0;
    std::size_t reused_ = 0;
};

} // namespace mars::shell
