// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/env/event.hpp"

#include <utility>

namespace mars::env {

void Event::notify() {
    auto waiters = std::exchange(waiters_, {});
    for (auto& weak : waiters)
        if (auto waiter = weak.lock()) waiter->complete(Nothing{});
}

task<void> Event::wait() {
    auto start = [this](const std::shared_ptr<Waiter<Nothing>>& waiter) {
        if (waiters_.size() >= 16) // drop the ones that were cancelled meanwhile
            std::erase_if(waiters_, [](const auto& weak) { return weak.expired(); });
        std::weak_ptr<Waiter<Nothing>> weak = waiter;
        waiter->on_cancel = [weak] {
            if (auto strong = weak.lock()) strong->complete(Nothing{});
        };
        waiters_.push_back(weak);
    };
    co_await park<Nothing>(lot_, start);
}

} // namespace mars::env
