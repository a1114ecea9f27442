// SPDX-License-Identifier: GPL-2.0-or-later
// Limiter: measures a rate of amounts (KiB) and operations over a sliding window, and says how long to wait so that
// configured maxima hold. Without maxima it only measures; the shown rates come from here.
// Pure arithmetic: time is passed in. One thread. Spec: transaction-log 12.2. Tests:
// tests/unit/block/net_limiter_test.cpp.
#pragma once

#include <cstdint>

#include "kernel/base/result.hpp"
#include "kernel/base/stamp.hpp"
#include "kernel/env/env.hpp"

namespace mars::block {

// All of them may be changed at any time. 0 stands for "unlimited" (rates) or "the default" (times).
struct LimiterSettings {
    std::uint64_t max_amount = 0;     // per second
    std::uint64_t max_operations = 0; // per second
    Duration max_delay{};             // default 1000 ms; of one sleep
    Duration min_window{};            // default 1000 ms
    Duration max_window{};            // default min_window + 4000 ms
};

class Limiter {
  public:
    explicit Limiter(Limiter* parent = nullptr) : parent_(parent) {}
    Limiter(const Limiter&) = delete;
    Limiter& operator=(const Limiter&) = delete;

    LimiterSettings settings;

    // Counts one operation of `amount` here and in all ancestors, and returns the delay that keeps all maxima, rounded
    // down to milliseconds; 0 when nothing is exceeded. Amount 0 counts nothing and only refreshes the rates.
    // `now`: a steady time.
    Duration limit(std::uint64_t amount, Duration now);

    // limit(), then sleeps the delay, at most settings.max_delay. Cancellable.
    env::task<void> limit_and_sleep(env::Env& env, std::uint64_t amount);

    // Per second, as of the last limit(); capped at 2^31 - 1.
    std::uint64_t amount_rate() const { return amount_rate_; }
    std::uint64_t operations_rate() const { return operations_rate_; }
    // Since the beginning; they wrap around.
    std::uint64_t total_amount() const { return total_amount_; }
    std::uint64_t total_operations() const { return total_operations_; }

  private:
    Duration advance(std::uint64_t amount, Duration now);
    Duration slide(Duration now);

    Limiter* parent_;
    bool started_ = false;
    Duration window_start_{};
    std::uint64_t amount_ = 0; // inside the window
    std::uint64_t operations_ = 0;
    std::uint64_t amount_rate_ = 0;
    std::uint64_t operations_rate_ = 0;
    std::uint64_t total_amount_ = 0;
    std::uint64_t total_operations_ = 0;
};

// Bytes as the KiB that limiters count, rounded to the nearest.
inline std::uint64_t limiter_kib(std::uint64_t bytes) {
    return (bytes + 512) / 1024;
}

} // namespace mars::block
