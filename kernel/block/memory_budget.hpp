// SPDX-License-Identifier: GPL-2.0-or-later
// MemoryBudget: bounds the memory of buffered writes, of all resources of a host together. Each resource has an
// account. Half of the limit is divided evenly among the accounts and guaranteed to them; the other half is for whoever
// comes first. So a disk that is slow, hangs or has failed keeps at most its own share and the common half: all others
// go on. Who wants more waits for it, within one account first come first served. Memory comes back when buffered data
// has reached its disk, which never needs memory from here, or with the end of the account. Spec: transaction-log 10.7,
// TL-M1. Tests: tests/unit/block/memory_budget_test.cpp. Runs on: one thread. Owned by the daemon; the Loggers refer to
// it.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "kernel/env/event.hpp"

namespace mars::block {

class MemoryBudget {
  public:
    MemoryBudget(env::ParkingLot& lot, std::uint64_t limit_bytes) : lot_(lot), limit_(limit_bytes) {}
    MemoryBudget(const MemoryBudget&) = delete;
    MemoryBudget& operator=(const MemoryBudget&) = delete;

    class Account;

    // May be changed at any time; a lower limit lets nobody in until the use has fallen below it.
    void set_limit(std::uint64_t bytes);
    std::uint64_t limit() const { return limit_; }
    std::uint64_t used() const { return used_; }
    // For tests: the same, counted anew.
    std::uint64_t used_by_accounts() const;
    // What is guaranteed to each account.
    std::uint64_t share() const { return accounts_.empty() ? limit_ : limit_ / 2 / accounts_.size(); }
    // At least half is used, or somebody waits: writeback shall go at full speed.
    bool is_pressed() const { return used_ >= limit_ / 2 || waiting_ > 0; }

    // `pressed` is notified when is_pressed() becomes true, until remove_listener().
    void add_listener(env::Event& pressed) { listeners_.push_back(&pressed); }
    void remove_listener(env::Event& pressed) { std::erase(listeners_, &pressed); }

  private:
    struct Ticket {
        std::uint64_t bytes;
        std::weak_ptr<env::Waiter<bool>> waiter;
    };

    void pop(std::deque<Ticket>& queue);
    bool fits(const Account& account, std::uint64_t bytes) const;
    void use(Account& account, std::uint64_t bytes);
    void recount();
    void serve();
    void press();

    env::ParkingLot& lot_;
    std::uint64_t limit_;
    std::uint64_t used_ = 0;
    std::uint64_t common_used_ = 0; // beyond the shares
    std::size_t waiting_ = 0;       // tickets in all queues
    bool was_pressed_ = false;
    std::vector<Account*> accounts_;
    std::vector<env::Event*> listeners_;
};

class MemoryBudget::Account {
  public:
    explicit Account(MemoryBudget& budget);
    ~Account();
    Account(const Account&) = delete;
    Account& operator=(const Account&) = delete;

    std::uint64_t used() const { return used_; }
    const MemoryBudget& budget() const { return budget_; }
    MemoryBudget& budget() { return budget_; }

    // Takes `bytes` if they are free and nobody waits here. More than the limit is granted when nothing else is in use.
    bool try_take(std::uint64_t bytes);
    // Waits for them. False when interrupted, by cancellation or by give_up().
    env::task<bool> take(std::uint64_t bytes);
    void give_back(std::uint64_t bytes);
    // Whoever waits here gets false.
    void give_up();

  private:
    friend class MemoryBudget;
    MemoryBudget& budget_;
    std::uint64_t used_ = 0;
    std::deque<Ticket> queue_;
};

} // namespace mars::block
