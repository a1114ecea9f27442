// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/block/block_locks.hpp"

#include "kernel/block/aligned_buffer.hpp"

namespace mars::block {

BlockLocks::Guard BlockLocks::enter(std::uint64_t begin, std::uint64_t end, bool rewrites) {
    if (rewrites) ++rewriters_;
    return Guard(*this, ranges_.insert(ranges_.end(), Range{block_floor(begin), block_ceil(end), rewrites}));
}

bool BlockLocks::must_wait(const Guard& guard) const {
    if (rewriters_ == 0) return false;
    const Range& own = *guard.place_;
    for (auto it = ranges_.begin(); &*it != &own; ++it)
        if ((it->rewrites || own.rewrites) && it->begin < own.end && own.begin < it->end) return true;
    return false;
}

void BlockLocks::leave(Place place) {
    const bool somebody_may_wait = rewriters_ > 0;
    if (place->rewrites) --rewriters_;
    ranges_.erase(place);
    if (somebody_may_wait) released_.notify();
}

} // namespace mars::block
