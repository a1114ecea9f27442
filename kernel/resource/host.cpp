// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/resource/host.hpp"

#include "kernel/block/logger.hpp"

namespace mars::resource {

Host::Host(env::Env& e, tree::Tree& t, exports::Provider& x, Tunables u)
    : env(e), tree(t), exports(x), tunables(std::move(u)), memory(e.lot(), tunables.memory_limit_bytes),
      write_paths(block::make_logger_provider(e, memory)), questions(e, t) {}

} // namespace mars::resource
