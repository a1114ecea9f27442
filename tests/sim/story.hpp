// SPDX-License-Identifier: GPL-2.0-or-later
// Story: what happened in one run, for people: steps, faults, crashes, verbs and how they ended, the verdict, each with
// its virtual time.
#pragma once

#include <string>
#include <vector>

#include "kernel/env/sim/world.hpp"

namespace mars::sim {

class Story {
  public:
    // The world whose time counts, and whose trace has the lines, too.
    void follow(env::sim::World& world) { world_ = &world; }
    void tell(const std::string& what);
    // At most `most` lines: when there are more, some from the middle are left out, and it says how many.
    std::vector<std::string> lines(std::size_t most) const;

  private:
    env::sim::World* world_ = nullptr;
    std::vector<std::string> lines_;
};

} // namespace mars::sim
