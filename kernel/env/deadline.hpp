// SPDX-License-Identifier: GPL-2.0-or-later
// with_deadline: every wait on a peer has one.
#pragma once

#include <boost/asio/experimental/awaitable_operators.hpp>

#include <string>

#include "kernel/env/env.hpp"

namespace mars::env {

// Runs `operation`, at most for `limit`; then cancels it and fails with errc::timed_out: "WHAT took longer than N s".
// A stream whose operation timed out must be closed, not reused.
template<class T>
task<result<T>> with_deadline(Env& env, Duration limit, std::string what, task<result<T>> operation) {
    using namespace asio::experimental::awaitable_operators;
    auto first = co_await (std::move(operation) || env.clock().sleep(limit));
    if (first.index() == 0) co_return std::move(std::get<0>(first));
    auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(limit).count();
    co_return failure(std::errc::timed_out, what + " took longer than " + std::to_string(ms) + " ms");
}

} // namespace mars::env
