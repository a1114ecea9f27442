// SPDX-License-Identifier: GPL-2.0-or-later
// shielded: a sequence of effects that must not stop half-way.
#pragma once

#include <boost/asio/this_coro.hpp>

#include <utility>

#include "kernel/env/task.hpp"

namespace mars::env {

// Runs `t` to its end although the caller may be cancelled meanwhile: no co_await inside throws for that reason. (What
// can be interrupted inside, e.g. a sleep, may still return early.) The caller's next co_await after it throws then. In
// a task that is cancelled already this co_await throws, too, as any other.
template<class T>
task<T> shielded(task<T> t) {
    const bool throws = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);
    T value = co_await std::move(t);
    co_await asio::this_coro::throw_if_cancelled(throws);
    co_return std::move(value);
}

} // namespace mars::env
