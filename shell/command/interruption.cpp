// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/command/interruption.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>

#include "kernel/env/task_group.hpp"

namespace mars::shell {

namespace {

std::string phase_list(std::string_view what, const std::vector<std::string>& numbers) {
    std::string text;
    for (const auto& number : numbers) text += (text.empty() ? "" : ", ") + number;
    return text.empty() ? "" : "; " + std::string(what) + (numbers.size() == 1 ? " phase " : " phases ") + text;
}

} // namespace

std::string interruption_text(const Request& request, const Phase* current) {
    const auto& phases = request.verb->phases;
    std::vector<std::string> done;
    std::vector<std::string> open;
    for (const auto& phase : phases) {
        if (&phase == current) continue;
        auto& list = current && &phase < current ? done : open;
        const auto number = std::to_string(phase.number);
        if (list.empty() || list.back() != number) list.push_back(number); // some are in two parts
    }
    std::string where = request.spelling + " was interrupted";
    if (current && phases.size() > 1)
        where += " in phase " + std::to_string(current->number) +
                 (current->title.empty() ? "" : " (" + std::string(current->title) + ")") + phase_list("done:", done) +
                 phase_list("not begun:", open);
    return where;
}

env::task<void> Interruption::carry_through(env::task<void> phases) {
    env::TaskGroup group(surroundings_.env);
    std::exception_ptr error;
    group.spawn(request_.spelling, catch_all(std::move(phases), error));
    try {
        co_await group.join();
    } catch (const boost::system::system_error& e) {
        if (e.code() != env::asio::error::operation_aborted) throw;
        is_interrupted_ = true;
    }
    // Else every co_await would throw at once.
    co_await env::asio::this_coro::throw_if_cancelled(false);
    if (is_interrupted_ && is_irrevocable())
        surroundings_.output.warning("interrupted beyond the point of no return: " + request_.spelling +
                                     " goes on to its end, to leave nothing half done");
    else if (is_interrupted_)
        group.cancel();
    co_await group.join();
    if (!error) co_return;
    try {
        std::rethrow_exception(error);
    } catch (const boost::system::system_error& e) {
        if (e.code() != env::asio::error::operation_aborted) throw;
    }
    co_await interrupt();
}

env::task<void> Interruption::catch_all(env::task<void> phases, std::exception_ptr& error) {
    try {
        co_await std::move(phases);
    } catch (...) {
        error = std::current_exception();
    }
}

bool Interruption::is_irrevocable() const {
    if (giving_back_ > 0) return true; // nor is that torn apart
    return std::any_of(workers_.begin(), workers_.end(),
                       [](const auto& worker) { return !worker->failed && worker->context.is_irrevocable(); });
}

env::task<void> Interruption::fail_in(Worker& worker, failure why, const Phase& phase) {
    fail(surroundings_.output, worker, why, phase.number);
    co_await put_back(worker, phase);
}

env::task<void> Interruption::put_back(Worker& worker, const Phase& phase) {
    if (!phase.undo) co_return;
    worker.context.begin_giving_back();
    ++giving_back_;
    const std::shared_ptr<void> over(nullptr, [this, &lot = surroundings_.env.lot()](void*) {
        if (!lot.abandoned()) --giving_back_; // else this may be gone already
    });
    auto undone = co_await phase.undo(worker.context);
    if (undone) {
        auto committed = co_await worker.context.commit();
        if (committed) co_return;
        undone = committed.error();
    }
    surroundings_.output.error(worker.context.label("putting things back has failed as well: " + undone.error().text));
}

// The user has cancelled, which acts as a timeout of the current wait: what belongs to the phase under way is put back.
env::task<void> Interruption::interrupt() {
    if (request_.options.watch || request_.verb->has(kEndless)) co_return;               // that is how one leaves it
    if (request_.verb->has(kReads) && !surroundings_.output.reaches_reader()) co_return; // nobody to tell
    std::vector<Worker*> interrupted;
    for (auto& worker : workers_)
        if (!worker->failed) interrupted.push_back(worker.get());
    for (auto* worker : interrupted) fail_interrupted(*worker);
    if (current_)
        for (auto* worker : interrupted) co_await put_back(*worker, *current_);
}

// An interruption that the others survive, because they are beyond the point of no return.
env::task<void> Interruption::drop_revocable() {
    if (!is_interrupted_) co_return;
    for (auto& worker : workers_) {
        if (worker->failed || worker->context.is_irrevocable()) continue;
        fail_interrupted(*worker);
        if (current_) co_await put_back(*worker, *current_);
    }
}

void Interruption::fail_interrupted(Worker& worker) {
    auto& ctx = worker.context;
    std::string text = interruption_text(request_, current_);
    std::string written;
    for (const auto& path : ctx.changed()) written += (written.empty() ? "" : ", ") + path;
    if (current_ && current_->stuck && !ctx.is_dry_run()) text += "; " + current_->stuck(ctx);
    if (written.empty())
        text += "; nothing was written";
    else if (current_ && current_->undo) // what that means is said then
        text += "; written: " + written;
    else
        text += "; written, and not undone: " + written;
    fail(surroundings_.output, worker, refusal("verb.interrupted", std::move(text)), current_ ? current_->number : 0);
}

} // namespace mars::shell
