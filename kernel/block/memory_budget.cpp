// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/block/memory_budget.hpp"

#include <algorithm>
#include <string>

#include "kernel/base/result.hpp"

namespace mars::block {

namespace {

std::uint64_t beyond(std::uint64_t used, std::uint64_t share) {
    return used > share ? used - share : 0;
}

} // namespace

void MemoryBudget::set_limit(std::uint64_t bytes) {
    limit_ = bytes;
    recount();
    serve();
    press();
}

std::uint64_t MemoryBudget::used_by_accounts() const {
    std::uint64_t sum = 0;
    for (const auto* account : accounts_) sum += account->used_;
    return sum;
}

bool MemoryBudget::fits(const Account& account, std::uint64_t bytes) const {
    if (used_ == 0) return true;
    const auto mine = account.used_ + bytes;
    if (mine <= share()) return true;
    const auto common = limit_ - share() * accounts_.size();
    return common_used_ - beyond(account.used_, share()) + beyond(mine, share()) <= common;
}

void MemoryBudget::use(Account& account, std::uint64_t bytes) {
    common_used_ += beyond(account.used_ + bytes, share()) - beyond(account.used_, share());
    account.used_ += bytes;
    used_ += bytes;
}

void MemoryBudget::pop(std::deque<Ticket>& queue) {
    queue.pop_front();
    --waiting_;
}

// The shares have changed.
void MemoryBudget::recount() {
    common_used_ = 0;
    for (const auto* account : accounts_) common_used_ += beyond(account->used_, share());
}

// Lets in who stands in front of each account, as long as there is room; account by account, so that the common half
// does not always go to the same one.
void MemoryBudget::serve() {
    for (bool is_served = true; is_served && waiting_ > 0;) {
        is_served = false;
        for (auto* account : accounts_) {
            auto& queue = account->queue_;
            std::shared_ptr<env::Waiter<bool>> waiter;
            while (!queue.empty() && (!(waiter = queue.front().waiter.lock()) || waiter->done())) pop(queue);
            if (queue.empty() || !fits(*account, queue.front().bytes)) continue;
            use(*account, queue.front().bytes);
            pop(queue);
            waiter->complete(true);
            is_served = true;
        }
    }
}

void MemoryBudget::press() {
    const bool pressed = is_pressed();
    if (pressed && !was_pressed_)
        for (auto* listener : listeners_) listener->notify();
    was_pressed_ = pressed;
}

MemoryBudget::Account::Account(MemoryBudget& budget) : budget_(budget) {
    budget_.accounts_.push_back(this);
    budget_.recount();
}

MemoryBudget::Account::~Account() {
    if (used_ > 0) give_back(used_);
    budget_.waiting_ -= queue_.size();
    std::erase(budget_.accounts_, this);
    budget_.recount();
    budget_.serve();
    budget_.press();
}

bool MemoryBudget::Account::try_take(std::uint64_t bytes) {
    if (!queue_.empty() || !budget_.fits(*this, bytes)) return false;
    budget_.use(*this, bytes);
    budget_.press();
    return true;
}

env::task<bool> MemoryBudget::Account::take(std::uint64_t bytes) {
    if (try_take(bytes)) co_return true;
    auto start = [this, bytes](const std::shared_ptr<env::Waiter<bool>>& waiter) {
        std::weak_ptr<env::Waiter<bool>> weak = waiter;
        waiter->on_cancel = [weak] {
            if (auto strong = weak.lock()) strong->complete(false);
        };
        queue_.push_back(Ticket{bytes, weak});
        ++budget_.waiting_;
        budget_.press();
    };
    const bool granted = co_await env::park<bool>(budget_.lot_, start);
    if (!granted) budget_.serve(); // whoever stood behind may fit now
    co_return granted;
}

void MemoryBudget::Account::give_back(std::uint64_t bytes) {
    if (bytes > used_)
        panic("memory budget: " + std::to_string(bytes) + " bytes come back, " + std::to_string(used_) + " are out");
    budget_.common_used_ -= beyond(used_, budget_.share()) - beyond(used_ - bytes, budget_.share());
    used_ -= bytes;
    budget_.used_ -= bytes;
    budget_.serve();
    budget_.press();
}

void MemoryBudget::Account::give_up() {
    auto queue = queue_;
    for (auto& ticket : queue)
        if (auto waiter = ticket.waiter.lock()) waiter->complete(false);
}

} // namespace mars::block
