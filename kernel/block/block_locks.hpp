// SPDX-License-Identifier: GPL-2.0-or-later
// BlockLocks: keeps read-modify-write cycles of 4096-byte blocks apart from every other write to the same blocks.
// A rewrite of a block by a request that covers a part of it carries old bytes along; a write that completes between
// its read and its write would be lost. Writes of whole blocks do not exclude each other. Runs on: one thread. Fair:
// who comes later waits, also for those who still wait.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>

#include "kernel/env/event.hpp"

namespace mars::block {

class BlockLocks {
    struct Range {
        std::uint64_t begin;
        std::uint64_t end;
        bool rewrites;
    };
    using Place = std::list<Range>::iterator;

  public:
    explicit BlockLocks(env::ParkingLot& lot) : released_(lot) {}

    // A place in the queue; leaving the scope releases it.
    class Guard {
      public:
        Guard(BlockLocks& locks, Place place) : locks_(locks), place_(place) {}
        Guard(const Guard&) = delete;
        Guard& operator=(const Guard&) = delete;
        ~Guard() { locks_.leave(place_); }

      private:
        friend class BlockLocks;
        BlockLocks& locks_;
        Place place_;
    };

    // Enters the blocks that [begin, end) touches. `rewrites`: it covers some of them only partly.
    Guard enter(std::uint64_t begin, std::uint64_t end, bool rewrites);
    // True while somebody who came earlier excludes `guard`: then wait().
    bool must_wait(const Guard& guard) const;
    env::task<void> wait() { return released_.wait(); }

  private:
    void leave(Place place);

    std::list<Range> ranges_; // in order of arrival
    std::size_t rewriters_ = 0;
    env::Event released_;
};

} // namespace mars::block
