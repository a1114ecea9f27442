// SPDX-License-Identifier: GPL-2.0-or-later
// Signal: "something has changed, look again". Unlike an Event it remembers a set() that nobody was waiting for. News
// for which nobody waits come together: with note(), looks are kNewsPause apart.
// Tests: tests/unit/resource/signal_test.cpp.
#pragma once

#include <algorithm>
#include <utility>

#include "kernel/env/env.hpp"

namespace mars::resource {

// Between attempts to reach another host; doubled from the first on as long as nothing is gained.
inline constexpr Duration kRetryMin = std::chrono::milliseconds(200);
inline constexpr Duration kRetryMax = std::chrono::seconds(5);

inline constexpr Duration kNewsPause = std::chrono::milliseconds(20);

class Signal {
  public:
    explicit Signal(env::Env& env) : env_(env), event_(env.lot()) {}

    void set() {
        is_set_ = true;
        event_.notify();
    }
    // Somebody may look, but need not at once.
    void note() {
        if (!std::exchange(is_noted_, true)) event_.notify();
    }
    // Returns at once when set since the last wait, else at the next set(), or after `limit`; when noted, at once too,
    // but not sooner than kNewsPause after it has returned before. True: set or noted.
    env::task<bool> wait(Duration limit) {
        const auto until = now() + limit;
        while (!is_set_) {
            const auto look = is_noted_ ? std::min(until, next_news_) : until;
            const auto rest = look - now();
            if (rest <= Duration(0)) break;
            (void)co_await env::wait_for(env_, event_, rest); // woken or not: looked at again
        }
        const bool is_news = is_set_ || is_noted_;
        is_set_ = is_noted_ = false;
        next_news_ = now() + kNewsPause;
        co_return is_news;
    }

  private:
    Duration now() const { return env_.clock().steady(); }

    env::Env& env_;
    env::Event event_;
    bool is_set_ = false;
    bool is_noted_ = false;
    Duration next_news_{0}; // steady
};

} // namespace mars::resource
