// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/block/memory_budget.hpp"

#include <string>

#include "kernel/base/result.hpp"

namespace mars::block {

void MemoryBudget::set_limit(std::uint64_t bytes) {
    limit_ = bytes;
    serve();
    press();
}

bool MemoryBudget::try_take(std::uint64_t bytes) {
    if (!queue_.empty() || !fits(bytes)) return false;
    used_ += bytes;
    press();
    return true;
}

env::task<bool> MemoryBudget::take(std::uint64_t bytes, const void* owner) {
    if (try_take(bytes)) co_return true;
    auto start = [this, bytes, owner](const std::shared_ptr<env::Waiter<bool>>& waiter) {
        std::weak_ptr<env::Waiter<bool>> weak = waiter;
        waiter->on_cancel = [weak] {
            if (auto strong = weak.lock()) strong->complete(false);
        };
        queue_.push_back(Ticket{bytes, owner, weak});
        press();
    };
    const bool granted = co_await env::park<bool>(lot_, start);
    if (!granted) serve(); // whoever stood behind may fit now
    co_return granted;
}

void MemoryBudget::give_back(std::uint64_t bytes) {
    if (bytes > used_)
        panic("memory budget: " + std::to_string(bytes) + " bytes come back, " + std::to_string(used_) + " are out");
    used_ -= bytes;
    serve();
    press();
}

void MemoryBudget::give_up(const void* owner) {
    auto queue = queue_;
    for (auto& ticket : queue)
        if (ticket.owner == owner)
            if (auto waiter = ticket.waiter.lock()) waiter->complete(false);
}

// Lets in who stands in front, as long as there is room.
void MemoryBudget::serve() {
    while (!queue_.empty()) {
        auto waiter = queue_.front().waiter.lock();
        if (waiter && !waiter->done()) {
            if (!fits(queue_.front().bytes)) return;
            used_ += queue_.front().bytes;
            waiter->complete(true);
        }
        queue_.pop_front();
    }
}

void MemoryBudget::press() {
    const bool pressed = is_pressed();
    if (pressed && !was_pressed_)
        for (auto* listener : listeners_) listener->notify();
    was_pressed_ = pressed;
}

} // namespace mars::block
