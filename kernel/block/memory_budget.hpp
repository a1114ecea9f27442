// SPDX-License-Identifier: GPL-2.0-or-later
// MemoryBudget: bounds the memory of buffered writes, of all resources of a host together. The limit is hard: who wants
// memory waits for it, first come first served. Memory comes back when buffered data has reached its disk, which never
// needs memory from here. Spec: transaction-log 10.7, TL-M1. Tests: tests/unit/block/memory_budget_test.cpp.
// Runs on: one thread. Owned by the daemon; the Loggers refer to it.
#pragma once

#include <cstdint>
#include <list>
#include <vector>

#include "kernel/env/event.hpp"

namespace mars::block {

class MemoryBudget {
  public:
    MemoryBudget(env::ParkingLot& lot, std::uint64_t limit_bytes) : lot_(lot), limit_(limit_bytes) {}
    MemoryBudget(const MemoryBudget&) = delete;
    MemoryBudget& operator=(const MemoryBudget&) = delete;

    // May be changed at any time; a lower limit lets nobody in until the use has fallen below it.
    void set_limit(std::uint64_t bytes);
    std::uint64_t limit() const { return limit_; }
    std::uint64_t used() const { return used_; }
    // At least half is used, or somebody waits: writeback shall go at full speed.
    bool is_pressed() const { return used_ >= limit_ / 2 || !queue_.empty(); }

    // Takes `bytes` if they are free and nobody waits. More than the limit is granted when nothing else is in use.
    bool try_take(std::uint64_t bytes);
    // Waits for them. False when interrupted, by cancellation or by give_up(owner).
    env::task<bool> take(std::uint64_t bytes, const void* owner);
    void give_back(std::uint64_t bytes);
    // Whoever waits in the name of `owner` gets false.
    void give_up(const void* owner);

    // `pressed` is notified when is_pressed() becomes true, until remove_listener().
    void add_listener(env::Event& pressed) { listeners_.push_back(&pressed); }
    void remove_listener(env::Event& pressed) { std::erase(listeners_, &pressed); }

  private:
    struct Ticket {
        std::uint64_t bytes;
        const void* owner;
        std::weak_ptr<env::Waiter<bool>> waiter;
    };

    bool fits(std::uint64_t bytes) const { return used_ == 0 || used_ + bytes <= limit_; }
    void serve();
    void press();

    env::ParkingLot& lot_;
    std::uint64_t limit_;
    std::uint64_t used_ = 0;
    bool was_pressed_ = false;
    std::list<Ticket> queue_;
    std::vector<env::Event*> listeners_;
};

} // namespace mars::block
