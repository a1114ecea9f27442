// SPDX-License-Identifier: GPL-2.0-or-later
// RealLocalHost: LocalHost of a real machine. The lock is a file of flock(2) in /run/lock, one for each tree.
#pragma once

#include "kernel/env/env.hpp"
#include "kernel/env/real/blocking_pool.hpp"
#include "shell/local/local_host.hpp"

namespace mars::shell {

class RealLocalHost final : public LocalHost {
  public:
    // `pool`: for calls that block.
    RealLocalHost(env::Env& env, env::BlockingPool& pool) : env_(env), pool_(pool) {}

    bool is_root() const override;
    std::optional<std::string> address_towards(const std::string& peer) override;
    std::optional<std::string> first_address() override;
    env::task<std::optional<std::string>> resolve(std::string host) override;
    env::task<std::optional<std::string>> ask(std::string question) override;
    env::task<std::string> disk_signature(std::string path) override;
    env::task<result<std::unique_ptr<HeldLock>>> lock(std::string root) override;

  private:
    env::Env& env_;
    env::BlockingPool& pool_;
};

} // namespace mars::shell
