// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/command/run.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <memory>

#include "shell/command/checks.hpp"
#include "shell/command/interruption.hpp"
#include "shell/command/startup.hpp"
#include "shell/command/together.hpp"
#include "shell/command/verb_events.hpp"
#include "shell/command/wait.hpp"
#include "shell/command/worker.hpp"

namespace mars::shell {

namespace {

// At most so many resources wait at the same time, unless --parallel says otherwise: each watch costs an inotify
// instance, of which a user usually has 128.
constexpr std::size_t kTogether = 64;

class Run {
  public:
    Run(Surroundings& surroundings, const Request& request)
        : surroundings_(surroundings), request_(request), events_(surroundings, request),
          view_(surroundings.env, request.options.root), interruption_(surroundings, request, workers_) {}

    env::task<RunResult> go();

  private:
    env::task<result<void>> prepare();
    void add_worker(const std::vector<std::string>& all, const std::string& resource);
    env::task<void> all_phases();
    env::task<void> run_phase(const Phase& phase);
    env::task<void> run_global(const Phase& phase);
    env::task<void> run_parallel(const Phase& phase);
    env::task<void> step_unfailed(Worker& worker, const Phase& phase);
    env::task<void> fire_for(Worker& worker, std::string moment, const Phase* phase);
    env::task<void> fire_for_list(std::string type, const Phase& phase);
    env::task<void> fail_all(failure why, const Phase& phase);
    env::task<void> fire_for_all(std::string moment, const Phase* phase);
    env::task<void> run_loop(const Phase& phase);
    void tell_missing(const Phase& phase, Duration elapsed);
    void tell_what_is_waited_for(const Phase& phase);
    env::task<void> step(Worker& worker, const Phase& phase);
    void announce(const Phase& phase);
    std::size_t left() const;

    Surroundings& surroundings_;
    const Request& request_;
    VerbEvents events_;
    tree::DiskView view_;           // for loops
    Workers workers_;               // one per resource, or a single one without resource
    std::unique_ptr<Worker> whole_; // start-up and global phases
    Interruption interruption_;
};

void Run::add_worker(const std::vector<std::string>& all, const std::string& resource) {
    workers_.push_back(std::make_unique<Worker>(surroundings_, request_, all, resource));
}

env::task<result<void>> Run::prepare() {
    auto& ctx = whole_->context;
    if (!request_.verb->is_built()) co_return not_built(*request_.verb);
    MARS_CO_TRY_VOID(check_startup(ctx));
    MARS_CO_TRY(const auto addressed, co_await expand_resources(ctx));
    const auto& names = addressed.names;
    // Global phases see the list as well.
    whole_ = std::make_unique<Worker>(surroundings_, request_, names, std::string());
    for (const auto& [name, why] : addressed.missing) {
        add_worker(names, name);
        fail(surroundings_.output, *workers_.back(), why, 0);
    }
    if (request_.verb->resource == ResourceArgument::none || request_.verb->resource == ResourceArgument::free) {
        if (!names.empty() || addressed.missing.empty()) add_worker(names, std::string());
        co_return result<void>();
    }
    for (const auto& name : names) add_worker(names, name);
    if (request_.verb->has(kNoMemberCheck)) co_return result<void>();
    for (auto& worker : workers_) {
        if (worker->failed) continue;
        if (auto member = check_member(worker->context); !member)
            fail(surroundings_.output, *worker, member.error(), 0);
    }
    co_return result<void>();
}

std::size_t Run::left() const {
    std::size_t count = 0;
    for (const auto& worker : workers_) count += worker->failed ? 0 : 1;
    return count;
}

void Run::announce(const Phase& phase) {
    if (request_.verb->phases.size() < 2 || request_.verb->has(kInformational) || phase.title.empty()) return;
    surroundings_.output.info("phase " + std::to_string(phase.number) + ": " + std::string(phase.title));
}

// One call of the phase's function, and the commit of what it has queued.
env::task<void> Run::step(Worker& worker, const Phase& phase) {
    worker.phase = phase.number;
    auto stepped = co_await phase.run(worker.context);
    if (!stepped) {
        // Some waits report a cancellation as a failure of theirs.
        auto state = co_await env::asio::this_coro::cancellation_state;
        if (state.cancelled() != env::asio::cancellation_type::none)
            throw boost::system::system_error(env::asio::error::operation_aborted);
        co_await interruption_.fail_in(worker, stepped.error(), phase);
        co_return;
    }
    worker.is_satisfied = *stepped == Step::done;
    auto committed = co_await worker.context.commit();
    if (!committed) co_await interruption_.fail_in(worker, committed.error(), phase);
}

// A refusal counts as the worker's failure.
env::task<void> Run::fire_for(Worker& worker, std::string moment, const Phase* phase) {
    auto fired = co_await events_.fire(worker.context, std::move(moment), phase, worker.failed);
    if (fired || worker.failed) co_return;
    if (worker.context.is_irrevocable()) { // to stop now would do more harm than what the hook wants to prevent
        surroundings_.output.warning(worker.context.label(fired.error().text + "; going on all the same"));
        co_return;
    }
    if (phase)
        co_await interruption_.fail_in(worker, fired.error(), *phase);
    else
        fail(surroundings_.output, worker, fired.error(), 0);
}

env::task<void> Run::fire_for_all(std::string moment, const Phase* phase) {
    for (auto& worker : workers_)
        if (!worker->failed) co_await fire_for(*worker, moment, phase);
}

env::task<void> Run::fire_for_list(std::string type, const Phase& phase) {
    auto fired = co_await events_.fire_for_list(whole_->context, std::move(type), phase);
    if (!fired && interruption_.is_irrevocable())
        surroundings_.output.warning(fired.error().text + "; going on all the same");
    else if (!fired)
        co_await fail_all(fired.error(), phase);
}

// What concerns all resources has failed.
env::task<void> Run::fail_all(failure why, const Phase& phase) {
    if (!whole_->failed) fail(surroundings_.output, *whole_, why, phase.number);
    for (auto& worker : workers_) {
        if (worker->failed) continue;
        worker->failed = why;
        worker->context.drop_pending();
        if (phase.stuck) surroundings_.output.hint(worker->context.label(phase.stuck(worker->context)));
        co_await interruption_.put_back(*worker, phase);
    }
}

env::task<void> Run::run_global(const Phase& phase) {
    co_await fire_for(*whole_, "before", &phase);
    if (!whole_->failed) co_await step(*whole_, phase);
    if (!whole_->failed) co_await fire_for(*whole_, "after", &phase);
    if (whole_->failed) co_await fail_all(*whole_->failed, phase);
}

env::task<void> Run::run_phase(const Phase& phase) {
    announce(phase);
    co_await interruption_.drop_revocable();
    co_await fire_for_list("all-pre", phase);
    if (left() == 0) co_return;
    if (phase.global) {
        co_await run_global(phase);
    } else {
        co_await fire_for_all("before", &phase);
        if (phase.loop)
            co_await run_loop(phase);
        else
            co_await run_parallel(phase);
        co_await fire_for_all("after", &phase);
    }
    if (left() > 0) co_await fire_for_list("all-post", phase);
}

// An interruption may come before its turn.
env::task<void> Run::step_unfailed(Worker& worker, const Phase& phase) {
    if (!worker.failed) co_await step(worker, phase);
}

// All resources one after the other, or, when the phase waits, at the same time.
env::task<void> Run::run_parallel(const Phase& phase) {
    const auto parallel = request_.options.parallel;
    const std::size_t most = !phase.together ? 1 : parallel > 0 ? static_cast<std::size_t>(parallel) : kTogether;
    if (most == 1 || left() == 1) {
        for (auto& worker : workers_) co_await step_unfailed(*worker, phase);
        co_return;
    }
    std::vector<Job> jobs;
    for (auto& worker : workers_) jobs.emplace_back(worker->context.label("phase"), step_unfailed(*worker, phase));
    co_await run_together(surroundings_.env, std::move(jobs), most);
}

// Directories whose changes may satisfy a LOOP phase.
std::vector<std::string> places_to_watch(const tree::DiskView& view, const Workers& workers) {
    std::vector<std::string> places{""};
    for (const auto& host : view.suffixes("", "actual-")) places.push_back("actual-" + host); // answers
    for (const auto& worker : workers) {
        auto directory = tree::resource_dir(worker->context.resource());
        if (worker->failed) continue;
        places.push_back(directory);
        for (const auto& host : view.suffixes(directory, "actual-")) places.push_back(directory + "/actual-" + host);
    }
    return places;
}

env::task<void> Run::run_loop(const Phase& phase) {
    for (auto& worker : workers_) worker->is_satisfied = worker->failed.has_value();
    // Beyond the point of no return each phase has its time, the whole no limit.
    const auto bound = std::find_if(workers_.begin(), workers_.end(),
                                    [](const auto& w) { return !w->failed && w->context.is_irrevocable(); });
    Deadline deadline(bound == workers_.end() ? whole_->context : (*bound)->context, request_.options.timeout);
    const auto places = places_to_watch(view_, workers_);
    auto primed = co_await view_.wait_for_change(places, Duration::zero());
    Duration next_report = std::chrono::seconds(1);
    while (true) {
        bool all_done = true;
        for (auto& worker : workers_) {
            if (!worker->failed && !worker->is_satisfied) co_await step(*worker, phase);
            all_done = all_done && (worker->failed || worker->is_satisfied);
        }
        co_await interruption_.drop_revocable();
        if (all_done || left() == 0) co_return;
        if (request_.options.dry_run > 0) co_return tell_what_is_waited_for(phase);
        if (deadline.is_over() || !primed) break;
        if (deadline.elapsed() >= next_report) {
            tell_missing(phase, deadline.elapsed());
            next_report = std::max(next_report * 2, deadline.elapsed() + std::chrono::seconds(1));
        }
        // Some conditions depend on ages, so it looks again without a change as well.
        const auto look = std::min<Duration>(std::chrono::seconds(3), next_report - deadline.elapsed());
        primed = co_await view_.wait_for_change(places, deadline.left(look));
    }
    for (auto& worker : workers_) {
        if (worker->failed || worker->is_satisfied) continue;
        auto& ctx = worker->context;
        auto text = "phase " + std::to_string(phase.number) + " (" + std::string(phase.title) +
                    ") is not finished after " + seconds_text(deadline.elapsed());
        if (phase.missing) text += ": " + phase.missing(ctx);
        if (phase.stuck) text += "; " + phase.stuck(ctx);
        auto why = refusal("wait.phase", std::move(text));
        co_await interruption_.fail_in(*worker, primed ? why : primed.error(), phase);
    }
}

// What a wait may depend on has not been written.
void Run::tell_what_is_waited_for(const Phase& phase) {
    for (auto& worker : workers_) {
        if (worker->failed || worker->is_satisfied) continue;
        auto& ctx = worker->context;
        ctx.would(std::string(phase.title) + (phase.missing ? "; at present: " + phase.missing(ctx) : ""));
        worker->is_satisfied = true;
    }
}

void Run::tell_missing(const Phase& phase, Duration elapsed) {
    if (!phase.missing) return;
    for (auto& worker : workers_) {
        if (worker->failed || worker->is_satisfied) continue;
        auto& ctx = worker->context;
        surroundings_.output.progress(ctx.label("waiting for " + seconds_text(elapsed) + ": " + phase.missing(ctx)));
    }
}

env::task<RunResult> Run::go() {
    whole_ = std::make_unique<Worker>(surroundings_, request_, std::vector<std::string>(), std::string());
    result<void> prepared;
    try {
        prepared = co_await prepare();
    } catch (const boost::system::system_error& error) {
        if (error.code() != env::asio::error::operation_aborted) throw;
        prepared = refusal("verb.interrupted", request_.spelling + " was interrupted before it began");
    }
    if (!prepared) {
        fail(surroundings_.output, *whole_, prepared.error(), 0);
        workers_.clear();
        workers_.push_back(std::move(whole_));
        co_return summarize(workers_);
    }
    if (request_.options.force > 0 && !request_.verb->has(kInformational))
        surroundings_.output.warning("--force turns safety checks into warnings");
    const bool throws = co_await env::asio::this_coro::throw_if_cancelled();
    auto phases = all_phases();
    co_await interruption_.carry_through(std::move(phases));
    co_await env::asio::this_coro::throw_if_cancelled(throws);
    co_return summarize(workers_);
}

env::task<void> Run::all_phases() {
    co_await fire_for_all("before", nullptr);
    for (const auto& phase : request_.verb->phases) {
        if (left() == 0) break;
        interruption_.enter(&phase);
        co_await run_phase(phase);
    }
    interruption_.enter(nullptr);
    for (auto& worker : workers_) co_await fire_for(*worker, worker->failed ? "failed" : "after", nullptr);
}

} // namespace

env::task<RunResult> run_verb(Surroundings& surroundings, Request request) {
    auto& options = request.options;
    const bool is_one_verb = request.verb->family != Family::script; // others are sequences of verbs
    if (is_one_verb && options.timeout_is_overall && options.timeout && !options.until)
        options.until = surroundings.env.clock().steady() + *options.timeout;
    for (const auto& note : request.notes) surroundings.output.warning(note);
    Run run(surroundings, request);
    co_return co_await run.go();
}

} // namespace mars::shell
