// SPDX-License-Identifier: GPL-2.0-or-later
// Clock: the only source of time. Real time may jump and be skewed between hosts; steady time only measures spans.
#pragma once

#include "kernel/base/stamp.hpp"
#include "kernel/env/task.hpp"

namespace mars::env {

class Clock {
  public:
    virtual ~Clock() = default;

    // System real time.
    virtual Stamp now() const = 0;
    // Monotonic time since an arbitrary start, e.g. the boot.
    virtual Duration steady() const = 0;
    // Suspends for `d`; returns early (and the caller's next co_await throws) when cancelled.
    virtual task<void> sleep(Duration d) = 0;
};

} // namespace mars::env
