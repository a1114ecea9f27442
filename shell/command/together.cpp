// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/command/together.hpp"

#include <boost/asio/this_coro.hpp>

#include "kernel/env/task_group.hpp"

namespace mars::shell {

namespace {

env::task<void> run_one(env::task<void> work, std::size_t& running, env::Event& ended) {
    co_await std::move(work);
    --running;
    ended.notify();
}

} // namespace

env::task<void> run_together(env::Env& env, std::vector<Job> jobs, std::size_t most) {
    env::TaskGroup group(env);
    env::Event ended(env.lot());
    std::size_t running = 0;
    std::exception_ptr error;
    try {
        for (auto& job : jobs) {
            while (running >= most) co_await ended.wait();
            ++running;
            group.spawn(std::move(job.name), run_one(std::move(job.work), running, ended));
        }
        while (running > 0) co_await ended.wait();
    } catch (...) {
        error = std::current_exception();
    }
    const bool throws = co_await env::asio::this_coro::throw_if_cancelled();
    co_await env::asio::this_coro::throw_if_cancelled(false);
    co_await group.stop();
    co_await env::asio::this_coro::throw_if_cancelled(throws);
    if (error) std::rethrow_exception(error);
}

} // namespace mars::shell
