// SPDX-License-Identifier: GPL-2.0-or-later
// HandoverWatch: what marsadm noted of its handovers on this host (kernel/tree/handover_note.hpp). When the program is
// gone, everybody learns that the handover was not finished: by proof (no such process), never by a timeout. A note
// whose handover is decided otherwise by now goes. Tests: tests/unit/resource/handover_watch_test.cpp.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "kernel/env/env.hpp"
#include "kernel/tree/tree.hpp"

namespace mars::resource {

using IsProcessAlive = std::function<bool(std::string_view identity)>;

class HandoverWatch {
  public:
    HandoverWatch(env::Env& env, tree::Tree& tree, IsProcessAlive is_alive)
        : env_(env), tree_(tree), is_alive_(std::move(is_alive)) {}

    // One look at all resources; does not suspend.
    void look();

  private:
    void look_at(const std::string& resource);

    env::Env& env_;
    tree::Tree& tree_;
    IsProcessAlive is_alive_;
};

} // namespace mars::resource
