// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/tree/lamport.hpp"

#include <algorithm>

namespace mars::tree {

namespace {
constexpr Duration kTick(1);
// How far beyond L a stamp may be when L itself is too far ahead of real time (the system clocks were set back): enough
// for peers with the same problem to go on exchanging, too little to be led astray again.
constexpr Duration kGrowth = std::chrono::minutes(1);
} // namespace

LamportClock::LamportClock(env::Clock& clock, Duration max_future) : clock_(clock), max_future_(max_future) {}

Stamp LamportClock::now() const {
    return std::max(clock_.now(), last_);
}

Stamp LamportClock::tick() {
    last_ = std::max(clock_.now(), last_ + kTick);
    return last_;
}

bool LamportClock::seen(Stamp t) {
    if (!is_legal(t)) return false;
    last_ = t > last_ ? t : last_ + kTick;
    return true;
}

bool LamportClock::received(Stamp t) {
    if (!is_legal(t)) return false;
    last_ = std::max(last_, t);
    return true;
}

bool LamportClock::is_legal(Stamp t) const {
    const auto limit = clock_.now() + max_future_;
    return t < (last_ < limit ? limit : last_ + kGrowth);
}

} // namespace mars::tree
