// SPDX-License-Identifier: GPL-2.0-or-later
// LamportClock: one per process and host. It never falls behind the system clock and moves past everything that was
// read or received, so that a change made after seeing another one always carries a newer stamp.
// Spec: symlink-tree 1.5 (L1 … L6).
#pragma once

#include "kernel/base/stamp.hpp"
#include "kernel/env/clock.hpp"

namespace mars::tree {

class LamportClock {
  public:
    // `max_future`: stamps further ahead of real time than this are illegal (L6).
    explicit LamportClock(env::Clock& clock, Duration max_future = std::chrono::hours(30 * 24));

    // max(real time, L). L1.
    Stamp now() const;
    // A fresh stamp for a local write: newer than everything seen so far; advances the clock.
    Stamp tick();
    // Something with stamp `t` was read or written: strict advance (L3). False, and no change, when t is illegal (L6).
    bool seen(Stamp t);
    // A message with send stamp `t` arrived: non-strict advance (L4). False when t is illegal.
    bool received(Stamp t);
    bool is_legal(Stamp t) const;

  private:
    env::Clock& clock_;
    Duration max_future_;
    Stamp last_;
};

} // namespace mars::tree
