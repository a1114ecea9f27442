// SPDX-License-Identifier: GPL-2.0-or-later
// BlockingPool: a few threads for system calls that may block and that the ring cannot do (open, syncfs, ioctls).
// The caller suspends on its own executor and goes on there; only the function runs on a thread of the pool.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "kernel/env/parking.hpp"

namespace mars::env {

class BlockingPool {
  public:
    BlockingPool(asio::io_context& context, ParkingLot& lot, std::size_t threads)
        : executor_(context.get_executor()), lot_(lot), threads_(threads) {}
    // Waits for the functions that are running.
    ~BlockingPool() {
        if (pool_) pool_->join();
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
        if (!pool_) pool_.emplace(threads_);
        asio::post(*pool_, std::move(f));
    }

    // The same for a waiter that is parked already.
    template<class F, class R>
    void start_on_thread(F f, const std::shared_ptr<Waiter<R>>& waiter) {
        std::weak_ptr<Waiter<R>> weak = waiter;
        if (!pool_) pool_.emplace(threads_); // a short command needs none
        asio::post(*pool_, [f = std::move(f), weak = std::move(weak), executor = executor_]() mutable {
            auto value = f();
            asio::post(executor, [weak = std::move(weak), value = std::move(value)]() mutable {
                if (auto strong = weak.lock()) strong->complete(std::move(value));
            });
        });
    }

  private:
    asio::io_context::executor_type executor_;
    ParkingLot& lot_;
    std::size_t threads_;
    std::optional<asio::thread_pool> pool_;
};

} // namespace mars::env
