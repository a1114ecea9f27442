// SPDX-License-Identifier: GPL-2.0-or-later
// StateWatch: sees changes of state and makes events of them: state.diskstate, state.replstate, state.role (of each
// host of each resource), state.primary, state.handover and state.application (of each resource; the words of the
// primitives handover-state and application-state) and state.host ("heard" or "silent"). `values` has old and new.
// What it finds at its start is the base and no event. Nothing is polled but ages: it sleeps until the tree
// changes, or for a few seconds. Tests: tests/unit/lua/state_watch_test.cpp.
#pragma once

#include <map>
#include <string>
#include <tuple>

#include "lua/interpreter.hpp"

namespace mars::lua {

class StateWatch {
  public:
    StateWatch(Interpreter& interpreter, shell::Hooks& hooks) : interpreter_(interpreter), hooks_(hooks) {}

    // Until cancelled. Failure: the tree cannot be watched.
    env::task<result<void>> run();

  private:
    using Key = std::tuple<std::string, std::string, std::string>; // event, resource, host
    using Picture = std::map<Key, std::string>;

    Picture look();
    env::task<void> tell(const Picture& before, const Picture& now);
    std::vector<std::string> places() const;

    Interpreter& interpreter_;
    shell::Hooks& hooks_;
};

} // namespace mars::lua
