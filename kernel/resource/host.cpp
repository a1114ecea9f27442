// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/resource/host.hpp"

#include "kernel/block/logger.hpp"
#include "kernel/tree/heard.hpp"

namespace mars::resource {

Host::Host(env::Env& e, tree::Tree& t, exports::Provider& x, Tunables u)
    : env(e), tree(t), exports(x), tunables(std::move(u)), memory(e.lot(), tunables.memory_limit_bytes),
      write_paths(block::make_logger_provider(e, memory)), questions(e, t) {}

bool Host::is_alive(const std::string& host) const {
    const auto now = env.clock().now();
    const auto heard = tree::heard_at(tree, host, now);
    return heard && now - *heard < tunables.alive_window;
}

} // namespace mars::resource
