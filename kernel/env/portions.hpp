// SPDX-License-Identifier: GPL-2.0-or-later
// Portions: for work that is long in all, and made of short steps: after each portion of it everybody else on the event
// loop has a turn. Use, between two steps: `if (portions.is_over()) co_await portions.next();`. One thread.
#pragma once

#include <boost/asio/post.hpp>

#include "kernel/env/env.hpp"

namespace mars::env {

class Portions {
  public:
    explicit Portions(Env& env) : env_(env), begun_at_(env.clock().steady()) {}

    // A millisecond has gone, or (where time stands still: the simulation) so many steps.
    bool is_over() {
        constexpr int kMostSteps = 256;
        constexpr Duration kLongest = std::chrono::milliseconds(1);
        return ++steps_ >= kMostSteps || env_.clock().steady() - begun_at_ >= kLongest;
    }
    task<void> next() {
        co_await asio::post(env_.get_executor(), asio::use_awaitable);
        steps_ = 0;
        begun_at_ = env_.clock().steady();
    }

  private:
    Env& env_;
    Duration begun_at_;
    int steps_ = 0;
};

} // namespace mars::env
