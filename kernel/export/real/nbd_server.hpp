// SPDX-License-Identifier: GPL-2.0-or-later
// NbdServer: a Device as an NBD export on a unix socket, for machines and tools without our block device (libnbd, qemu,
// nbdkit, nbd-client). Any number of clients.
// Runs on: the env's io_context. Tests: tests/unit/export/nbd_test.cpp.
#pragma once

#include <boost/asio/local/stream_protocol.hpp>

#include <list>
#include <memory>
#include <string>

#include "kernel/base/result.hpp"
#include "kernel/block/device.hpp"
#include "kernel/env/event.hpp"
#include "kernel/env/real/real_env.hpp"
#include "kernel/env/task_group.hpp"

namespace mars::exports {

class NbdConnection;

class NbdServer {
  public:
    // Listens on the socket `path` (mode 0600; a leftover is replaced) and serves `device` as the export NAME, which is
    // also the default export.
    static result<std::unique_ptr<NbdServer>> listen(env::RealEnv& env, block::Device& device, std::string name,
                                                     std::string path);
    ~NbdServer(); // after stop()

    const std::string& path() const { return path_; }
    // Clients that have the device open: after their handshake.
    int clients() const { return clients_; }
    env::Event& changed() { return changed_; }
    // With `on`, nobody can open the device any more, but clients that have it open go on.
    void refuse(bool on) { refusing_ = on; }
    // Disconnects all and removes the socket. With `now`, running requests are cancelled. Not cancellable.
    env::task<void> stop(bool now);

  private:
    using Protocol = env::asio::local::stream_protocol;

    NbdServer(env::RealEnv& env, block::Device& device, std::string name, std::string path);
    result<void> open();
    env::task<void> accept();
    env::task<void> serve(std::shared_ptr<NbdConnection> connection);

    env::RealEnv& env_;
    block::Device& device_;
    const std::string name_;
    const std::string path_;
    Protocol::acceptor acceptor_;
    std::list<std::shared_ptr<NbdConnection>> connections_;
    int clients_ = 0;
    bool refusing_ = false;
    env::Event changed_;
    env::TaskGroup accepting_;
    env::TaskGroup serving_;
};

} // namespace mars::exports
