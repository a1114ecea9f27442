// SPDX-License-Identifier: GPL-2.0-or-later
// SshRemote: runs commands on other hosts through libssh, with the user's ~/.ssh/config, agent, keys and known_hosts.
// libssh blocks, so each session lives on a thread of a pool that is made on first use; a cancelled call ends its
// session within a fraction of a second. A host key that is not known is refused with its fingerprint. Tests:
// tests/unit/shell/ssh_remote_test.cpp (against a real sshd).
#pragma once

#include <boost/asio/io_context.hpp>

#include <memory>

#include "kernel/env/env.hpp"
#include "kernel/env/real/blocking_pool.hpp"
#include "shell/remote.hpp"

namespace mars::shell {

class SshRemote final : public Remote {
  public:
    SshRemote(env::asio::io_context& context, env::ParkingLot& lot) : context_(context), lot_(lot) {}

    env::task<result<RemoteResult>> run(RemoteHost host, RemoteOptions options, std::vector<std::string> argv,
                                        std::string input, Duration limit) override;

  private:
    env::asio::io_context& context_;
    env::ParkingLot& lot_;
    std::unique_ptr<env::BlockingPool> pool_;
};

} // namespace mars::shell
