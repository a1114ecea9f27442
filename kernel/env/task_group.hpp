// SPDX-License-Identifier: GPL-2.0-or-later
// TaskGroup: owns spawned coroutines. Whoever spawns can cancel and must wait for the end (join) before it goes away;
// only a crashed (simulated) host may drop a group with live tasks.
#pragma once

#include <memory>
#include <string>

#include "kernel/env/event.hpp"
#include "kernel/env/task.hpp"

namespace mars::env {

class Env;

class TaskGroup {
  public:
    explicit TaskGroup(Env& env);
    ~TaskGroup();
    TaskGroup(const TaskGroup&) = delete;
    TaskGroup& operator=(const TaskGroup&) = delete;

    // Starts `t` on the host's executor. `what` names it in reports. An exception other than the one of a cancellation
    // is a programming error: it is reported and ends the program.
    void spawn(std::string what, task<void> t);
    // Asks all tasks to stop: what they wait for is interrupted. Returns at once.
    void cancel();
    // Waits until no task is left. Not itself a cancellation.
    task<void> join();
    // cancel() and join(), to the end also when the caller is being cancelled meanwhile. In a task that is cancelled
    // already every co_await throws, also this one: there, `co_await asio::this_coro::throw_if_cancelled(false)` first.
    task<void> stop();
    std::size_t live() const;

  private:
    struct State;
    std::shared_ptr<State> state_;
};

} // namespace mars::env
