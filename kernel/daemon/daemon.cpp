// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/daemon/daemon.hpp"

#include "kernel/base/names.hpp"

namespace mars::daemon {

Daemon::Daemon(env::Env& env, std::string root, exports::Provider& exports, resource::Tunables tunables)
    : env_(env), root_(std::move(root)), exports_(exports), tunables_(tunables) {}

env::task<result<void>> Daemon::start() {
    const auto& name = env_.hostname();
    if (!is_identifier(name) || name.size() < 2)
        co_return failure(std::errc::invalid_argument,
                          "host name '" + name +
                              "' cannot be used: it must have 2 to 63 letters, digits, '_' or '-', " +
                              "and no domain; set it with hostnamectl");
    auto status = env_.storage().status(root_);
    if (!status || status->kind != env::FileKind::directory)
        co_return failure(std::errc::no_such_file_or_directory,
                          root_ + " is no directory: mount the filesystem for the logs there, or give another --root");
    MARS_CO_TRY(tree_, co_await tree::Tree::open(env_, root_));
    manager_ = std::make_unique<resource::Manager>(env_, *tree_, exports_, tunables_);
    auto started = manager_->start();
    if (!started) {
        co_await manager_->stop();
        manager_.reset();
        co_await tree_->close();
        tree_.reset();
    }
    co_return started;
}

env::task<void> Daemon::stop() {
    co_await manager_->stop();
    manager_.reset();
    co_await tree_->close();
    tree_.reset();
}

void Daemon::log_counters() const {
    if (manager_) manager_->log_counters();
}

} // namespace mars::daemon
