// SPDX-License-Identifier: GPL-2.0-or-later
// OpenerWatch: keeps the openers of a block device known. It looks when inotify reports that one of the device's nodes
// was opened or closed, when the mount table has changed, and now and then while somebody has the device open. Runs on:
// the env's io_context; looking happens on the pool, and takes at most a tenth of the time.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>

#include <string>
#include <vector>

#include "kernel/base/result.hpp"
#include "kernel/env/event.hpp"
#include "kernel/env/real/real_env.hpp"
#include "kernel/env/task_group.hpp"
#include "kernel/export/real/openers.hpp"

namespace mars::exports {

class OpenerWatch {
  public:
    // Starts to watch `device`. nodes: paths of its device nodes; those that do not exist are left out.
    // `changed` is notified after every change of openers().
    OpenerWatch(env::RealEnv& env, env::Event& changed, dev_t device, const std::vector<std::string>& nodes);

    const Openers& openers() const { return openers_; }
    // Looks now, and returns what is seen.
    env::task<Openers> look(Duration old = Duration(0));
    env::task<void> stop();

  private:
    env::task<void> follow();
    env::task<void> wait_for_nodes();
    env::task<void> wait_for_mounts();
    void stir();

    env::RealEnv& env_;
    env::Event& changed_;
    const dev_t device_;
    Openers openers_;
    env::Event stirred_;
    int looks_due_ = 1; // something has happened: what it leads to may show up only in one of the next looks
    env::asio::posix::stream_descriptor nodes_;
    env::asio::posix::stream_descriptor mounts_;
    env::TaskGroup tasks_;
};

} // namespace mars::exports
