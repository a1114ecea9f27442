// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/env/task_group.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include <list>

#include "kernel/base/result.hpp"
#include "kernel/env/env.hpp"

namespace mars::env {

struct TaskGroup::State {
    explicit State(Env& e) : env(e), idle(e.lot()) {}

    struct Entry {
        std::string what;
        asio::cancellation_signal signal;
        bool live = true;
    };

    Env& env;
    Event idle;
    std::list<std::shared_ptr<Entry>> entries;
};

namespace {

// Reports how a task ended unless it returned or was cancelled.
void check_end(const std::string& what, const std::exception_ptr& error) {
    if (!error) return;
    try {
        std::rethrow_exception(error);
    } catch (const boost::system::system_error& e) {
        if (e.code() == asio::error::operation_aborted) return;
        panic("task '" + what + "' failed: " + e.what());
    } catch (const std::exception& e) {
        panic("task '" + what + "' failed: " + e.what());
    }
}

} // namespace

TaskGroup::TaskGroup(Env& env) : state_(std::make_shared<State>(env)) {}

TaskGroup::~TaskGroup() {
    if (!state_->entries.empty() && !state_->env.lot().abandoned())
        panic("task group destroyed while '" + state_->entries.front()->what + "' is running");
}

void TaskGroup::spawn(std::string what, task<void> t) {
    auto entry = std::make_shared<State::Entry>();
    entry->what = std::move(what);
    state_->entries.push_back(entry);
    auto ended = [state = state_, entry](const std::exception_ptr& error) {
        check_end(entry->what, error);
        entry->live = false;
        state->entries.remove(entry);
        if (state->entries.empty()) state->idle.notify();
    };
    asio::co_spawn(state_->env.get_executor(), std::move(t), asio::bind_cancellation_slot(entry->signal.slot(), ended));
}

void TaskGroup::cancel() {
    auto entries = state_->entries; // emitting may end tasks
    for (auto& entry : entries)
        if (entry->live) entry->signal.emit(asio::cancellation_type::terminal);
}

task<void> TaskGroup::join() {
    auto state = state_;
    while (!state->entries.empty()) co_await state->idle.wait();
}

task<void> TaskGroup::stop() {
    const bool throws = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);
    cancel();
    co_await join();
    co_await asio::this_coro::throw_if_cancelled(throws);
}

std::size_t TaskGroup::live() const {
    return state_->entries.size();
}

} // namespace mars::env
