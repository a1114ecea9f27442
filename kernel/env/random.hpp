// SPDX-License-Identifier: GPL-2.0-or-later
// Random: the only source of randomness; seeded in the simulation.
#pragma once

#include <cstdint>

namespace mars::env {

class Random {
  public:
    virtual ~Random() = default;

    virtual std::uint64_t next() = 0;
    // Uniform in [0, bound); 0 when bound is 0.
    std::uint64_t below(std::uint64_t bound) { return bound ? next() % bound : 0; }
};

} // namespace mars::env
