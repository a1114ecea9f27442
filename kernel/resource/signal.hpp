// SPDX-License-Identifier: GPL-2.0-or-later
// Signal: "something has changed, look again". Unlike an Event it remembers a set() that nobody was waiting for.
#pragma once

#include "kernel/env/env.hpp"

namespace mars::resource {

// Between attempts to reach another host; doubled from the first on as long as nothing is gained.
inline constexpr Duration kRetryMin = std::chrono::milliseconds(200);
inline constexpr Duration kRetryMax = std::chrono::seconds(5);

class Signal {
  public:
    explicit Signal(env::Env& env) : env_(env), event_(env.lot()) {}

    void set() {
        is_set_ = true;
        event_.notify();
    }
    // Returns at once when set since the last wait, else at the next set() or after `limit`.
    env::task<void> wait(Duration limit) {
        if (!is_set_) co_await env::wait_for(env_, event_, limit);
        is_set_ = false;
    }

  private:
    env::Env& env_;
    env::Event event_;
    bool is_set_ = false;
};

} // namespace mars::resource
