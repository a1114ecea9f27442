// SPDX-License-Identifier: GPL-2.0-or-later
// BlockingPool: threads for system calls that may block and that the ring cannot do (open, syncfs, ioctls).
// The caller suspends on its own executor and goes on there; only the function runs on a thread of the pool.
// A call that hangs (a dead disk) keeps its thread and nobody else: while all are busy, further ones are started, up to
// kMostThreads. Whoever can hang many times bounds that himself. Threads stay until the pool ends.
// Tests: tests/unit/env/blocking_pool_test.cpp.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernel/env/parking.hpp"

namespace mars::env {

class BlockingPool {
  public:
    static constexpr std::size_t kMostThreads = 1024;

    // `threads`: that many are started with the first call.
    BlockingPool(asio::io_context& context, ParkingLot& lot, std::size_t threads)
        : executor_(context.get_executor()), lot_(lot), threads_(threads) {}
    // Waits for the functions that are running.
    ~BlockingPool() {
        if (pool_) pool_->join();
        for (auto& thread : more_) thread.join();
    }

    // Runs `f()` on a thread of the pool and returns its value. `f` must not throw, and must own what it uses or refer
    // to what outlives it. Cannot be cancelled: what it lends to the kernel is in use until it has returned.
    template<class F>
    task<std::invoke_result_t<F>> run(F f) {
        using R = std::invoke_result_t<F>;
        auto start = [this, &f](const std::shared_ptr<Waiter<R>>& waiter) { start_on_thread(std::move(f), waiter); };
        co_return co_await park<R>(lot_, start);
    }

    // Runs it; nobody waits for its end.
    template<class F>
    void start_detached(F f) {
        begin([f = std::move(f)]() mutable { f(); });
    }

    // The same for a waiter that is parked already.
    template<class F, class R>
    void start_on_thread(F f, const std::shared_ptr<Waiter<R>>& waiter) {
        std::weak_ptr<Waiter<R>> weak = waiter;
        begin([f = std::move(f), weak = std::move(weak), executor = executor_]() mutable {
            auto value = f();
            asio::post(executor, [weak = std::move(weak), value = std::move(value)]() mutable {
                if (auto strong = weak.lock()) strong->complete(std::move(value));
            });
        });
    }

  private:
    template<class Work>
    void begin(Work work) {
        if (!pool_) pool_.emplace(threads_); // a short command needs none
        if (++unfinished_ > threads_ + more_.size()) add_thread();
        asio::post(*pool_, [this, work = std::move(work)]() mutable {
            work();
            --unfinished_;
        });
    }

    void add_thread() {
        if (threads_ + more_.size() >= kMostThreads) return;
        try {
            more_.emplace_back([this] { pool_->attach(); });
        } catch (const std::system_error&) { // no more threads: those that are there do the work, later
        }
    }

    asio::io_context::executor_type executor_;
    ParkingLot& lot_;
    std::size_t threads_;
    std::atomic<std::size_t> unfinished_ = 0;
    std::vector<std::thread> more_; // beside the first `threads_`
    std::optional<asio::thread_pool> pool_;
};

} // namespace mars::env
