// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/block/limiter.hpp"

#include <algorithm>
#include <chrono>

namespace mars::block {

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

__extension__ using Wide = unsigned __int128;

constexpr Duration kShortestWindow = 100ms;
constexpr Duration kLongestWindow = 40s;
constexpr std::uint64_t kShownRateCap = 0x7fffffff;

// value · numerator / denominator without overflow in between.
std::uint64_t scale(std::uint64_t value, Duration numerator, Duration denominator) {
    auto product = static_cast<Wide>(value) * static_cast<Wide>(numerator.count());
    return static_cast<std::uint64_t>(product / static_cast<Wide>(denominator.count()));
}

Duration or_default(Duration value, Duration fallback) {
    return value > Duration::zero() ? value : fallback;
}

// How much longer the window would have to be for the rate to be `max`.
Duration delay_for(std::uint64_t rate, std::uint64_t max, Duration window) {
    if (max == 0 || rate <= max) return Duration::zero();
    auto wanted = static_cast<Wide>(window.count()) * rate / max;
    auto cap = static_cast<Wide>(Duration::max().count());
    return Duration(static_cast<Duration::rep>(std::min(wanted, cap))) - window;
}

} // namespace

// Forgets what is older than the largest window, and returns the window's length.
Duration Limiter::slide(Duration now) {
    auto min_window = or_default(settings.min_window, 1000ms);
    auto max_window = or_default(settings.max_window, min_window + 4000ms);
    auto window = [&] { return std::clamp(now - window_start_, kShortestWindow, kLongestWindow); };
    if (!started_ || window() > max_window) {
        started_ = true;
        window_start_ = now;
        amount_ = operations_ = 0;
        return kShortestWindow;
    }
    auto length = window();
    auto excess = length - min_window;
    if (excess <= min_window) return length;
    auto old_amount = scale(amount_, excess, length);
    auto old_operations = scale(operations_, excess, length);
    if (old_amount == 0 && old_operations == 0) return length;
    amount_ -= old_amount;
    operations_ -= old_operations;
    window_start_ += excess;
    return window();
}

Duration Limiter::advance(std::uint64_t amount, Duration now) {
    auto window = slide(now);
    if (amount > 0) {
        amount_ += amount;
        operations_ += 1;
        total_amount_ += amount;
        total_operations_ += 1;
    }
    auto amount_rate = scale(amount_, 1s, window);
    auto operations_rate = scale(operations_, 1s, window);
    amount_rate_ = std::min(amount_rate, kShownRateCap);
    operations_rate_ = std::min(operations_rate, kShownRateCap);
    return std::max(delay_for(amount_rate, settings.max_amount, window),
                    delay_for(operations_rate, settings.max_operations, window));
}

Duration Limiter::limit(std::uint64_t amount, Duration now) {
    auto delay = Duration::zero();
    for (auto* limiter = this; limiter; limiter = limiter->parent_)
        delay = std::max(delay, limiter->advance(amount, now));
    return std::chrono::duration_cast<milliseconds>(delay);
}

env::task<void> Limiter::limit_and_sleep(env::Env& env, std::uint64_t amount) {
    auto delay = limit(amount, env.clock().steady());
    delay = std::min(delay, or_default(settings.max_delay, 1000ms));
    if (delay > Duration::zero()) co_await env.clock().sleep(delay);
}

} // namespace mars::block
