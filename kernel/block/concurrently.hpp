// SPDX-License-Identifier: GPL-2.0-or-later
// first_of and all_of: several tasks at once with one end. Whatever happens (a result, a failure, a cancellation from
// outside), all of the tasks have ended when the call returns, so they may use the caller's locals, and a write that
// one of them has in flight is never left behind.
// Runs on: the caller's executor. Tests: tests/unit/block/net_concurrently_test.cpp.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/multiple_exceptions.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <exception>
#include <optional>
#include <utility>
#include <vector>

#include "kernel/base/result.hpp"
#include "kernel/env/task.hpp"

namespace mars::block {

// Lets everything else run that is ready: for computations of more than some 50 µs.
inline env::task<void> let_others_run() {
    auto executor = co_await env::asio::this_coro::executor;
    co_await env::asio::post(executor, env::asio::use_awaitable);
}

// Rethrows `error` unless it is the exception of a cancellation, or several of them (from operator|| and the like).
inline void expect_cancellation(const std::exception_ptr& error) {
    try {
        std::rethrow_exception(error);
    } catch (const env::asio::multiple_exceptions& e) {
        expect_cancellation(e.first_exception());
    } catch (const boost::system::system_error& e) {
        if (e.code() != env::asio::error::operation_aborted) throw;
    }
}

// Turns the exception of a cancelled task into errc::operation_canceled; other exceptions pass.
template<class T>
env::task<result<T>> settled(env::task<result<T>> operation) {
    try {
        co_return co_await std::move(operation);
    } catch (...) {
        expect_cancellation(std::current_exception());
    }
    co_return failure(std::errc::operation_canceled, "cancelled");
}

namespace detail {

// Tells the group to cancel its other operations as soon as `decided` is set.
struct CancelWhenDecided {
    const bool* decided;

    template<class... Args>
    env::asio::cancellation_type operator()(Args&&...) const noexcept {
        return *decided ? env::asio::cancellation_type::all : env::asio::cancellation_type::none;
    }
};

// Runs tasks that report through state of the caller; returns when all have ended.
inline env::task<void> run_group(std::vector<env::task<void>> tasks, const bool& decided) {
    auto executor = co_await env::asio::this_coro::executor;
    using Operation = decltype(env::asio::co_spawn(executor, std::move(tasks.front()), env::asio::deferred));
    std::vector<Operation> operations;
    operations.reserve(tasks.size());
    for (auto& t : tasks) operations.push_back(env::asio::co_spawn(executor, std::move(t), env::asio::deferred));
    auto group = env::asio::experimental::make_parallel_group(std::move(operations));
    CancelWhenDecided condition{&decided};
    auto [order, errors] = co_await group.async_wait(condition, env::asio::deferred);
    for (auto& error : errors)
        if (error) std::rethrow_exception(error);
}

template<class T>
struct FirstOf {
    std::optional<result<T>> winner;
    bool decided = false;

    static env::task<void> enter(FirstOf& race, env::task<result<T>> t) {
        auto ended = co_await settled(std::move(t));
        if (!race.winner) race.winner.emplace(std::move(ended));
        race.decided = true;
    }
};

struct AllOf {
    std::optional<failure> first_failure;
    bool decided = false;

    static env::task<void> enter(AllOf& all, env::task<result<void>> t) {
        auto ended = co_await settled(std::move(t));
        if (ended) co_return;
        if (!all.first_failure) all.first_failure = ended.error();
        all.decided = true;
    }
};

} // namespace detail

// Runs all tasks until the first one ends, cancels the others, waits for their ends, and returns the first one's
// result. Cancelled from outside: errc::operation_canceled, unless a task had ended before.
template<class T>
env::task<result<T>> first_of(std::vector<env::task<result<T>>> tasks) {
    detail::FirstOf<T> race;
    std::vector<env::task<void>> entries;
    for (auto& t : tasks) entries.push_back(detail::FirstOf<T>::enter(race, std::move(t)));
    co_await detail::run_group(std::move(entries), race.decided);
    co_return *std::move(race.winner);
}

// Runs all tasks until all have succeeded, or the first one fails: then cancels the others and returns its failure.
inline env::task<result<void>> all_of(std::vector<env::task<result<void>>> tasks) {
    detail::AllOf all;
    std::vector<env::task<void>> entries;
    for (auto& t : tasks) entries.push_back(detail::AllOf::enter(all, std::move(t)));
    co_await detail::run_group(std::move(entries), all.decided);
    if (all.first_failure) co_return *std::move(all.first_failure);
    co_return result<void>();
}

} // namespace mars::block
