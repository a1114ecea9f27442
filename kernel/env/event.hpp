// SPDX-License-Identifier: GPL-2.0-or-later
// Event: wakes coroutines that wait for a change of state. It carries no state itself: wait in a loop that checks the
// condition ("while (!ready) co_await event.wait();"). One thread; waiting is cancellable.
#pragma once

#include <memory>
#include <vector>

#include "kernel/env/parking.hpp"

namespace mars::env {

class Event {
  public:
    explicit Event(ParkingLot& lot) : lot_(lot) {}
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;

    // Wakes everybody who waits now.
    void notify();
    // Suspends until the next notify().
    task<void> wait();

  private:
    struct Nothing {};

    ParkingLot& lot_;
    std::vector<std::weak_ptr<Waiter<Nothing>>> waiters_;
};

} // namespace mars::env
