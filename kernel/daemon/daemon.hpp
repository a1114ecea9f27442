// SPDX-License-Identifier: GPL-2.0-or-later
// Daemon: marsd without its surroundings: opens the tree below a root and runs the Manager on it. The same code runs as
// a system service and in the simulation. Runs on: the host's executor.
#pragma once

#include <memory>
#include <string>

#include "kernel/resource/manager.hpp"
#include "kernel/tree/tree.hpp"

namespace mars::daemon {

class Daemon {
  public:
    Daemon(env::Env& env, std::string root, exports::Provider& exports, resource::Tunables tunables = {});

    // Opens the tree and starts to work. Errors: the root does not exist or is not writable, the host's name cannot be
    // used, a port is taken; the text says what to do.
    env::task<result<void>> start();
    // Orderly end; waits for devices in use. Only after a successful start().
    env::task<void> stop();
    // Logs the counters of the write paths; before start() and after stop() there are none.
    void log_counters() const;

    // What an orderly end is waiting for; empty also before start() and after stop().
    std::string busy_with() const { return manager_ ? manager_->busy_with() : std::string(); }

    // See Manager; empty also before start() and after stop().
    std::string trouble() const { return manager_ ? manager_->trouble() : std::string(); }

    resource::Manager& manager() { return *manager_; }
    tree::Tree& tree() { return *tree_; }

  private:
    env::Env& env_;
    std::string root_;
    exports::Provider& exports_;
    resource::Tunables tunables_;
    std::unique_ptr<tree::Tree> tree_;
    std::unique_ptr<resource::Manager> manager_;
};

} // namespace mars::daemon
