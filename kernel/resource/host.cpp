// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/resource/host.hpp"

#include "kernel/base/number.hpp"
#include "kernel/block/logger.hpp"
#include "kernel/tree/heard.hpp"

namespace mars::resource {

Host::Host(env::Env& e, tree::Tree& t, exports::Provider& x, Tunables u)
    : env(e), tree(t), exports(x), tunables(std::move(u)), memory(e.lot(), tunables.memory_limit_bytes),
      write_paths(block::make_logger_provider(e, memory)), questions(e, t), digests(e.lot()) {}

bool Host::may_sync() const {
    const auto own = parse_number<std::size_t>(tree.value("defaults-" + me() + "/sync-limit"));
    const auto limit = own ? own : parse_number<std::size_t>(tree.value("defaults/sync-limit"));
    return limit.value_or(0) == 0 || syncs < *limit;
}

bool Host::is_alive(const std::string& host) const {
    const auto now = env.clock().now();
    const auto heard = tree::heard_at(tree, host, now);
    return heard && now - *heard < tunables.alive_window;
}

} // namespace mars::resource
