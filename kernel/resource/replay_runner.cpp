// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/resource/replay_runner.hpp"

namespace mars::resource {

namespace {

using namespace std::chrono_literals;

constexpr Duration kReplayRetry = 10s; // after an I/O error of a disk or a log
constexpr Duration kReplayPause = 500ms;
constexpr Duration kAskedLately = 2s;
constexpr std::int64_t kReplayEnough = 4 << 20; // bytes of log

} // namespace

void ReplayRunner::observe(Local& local) {
    local.replay_must_pause = must_pause();
    if (torn_ && torn_->cuts == context_.logs.cuts(torn_->log))
        local.torn_end = TornEnd{torn_->log, torn_->begin, torn_->end};
}

env::task<bool> ReplayRunner::stop(const Plan&) {
    co_await engine_.stop();
    co_return true;
}

env::task<bool> ReplayRunner::advance(const Plan& plan, std::shared_ptr<block::Disk> disk) {
    if (is_running() || plan.work != Work::replay || is_torn(plan) || shall_wait_for_more(plan)) co_return false;
    engine_.start(*disk, context_.logs.path(plan.log), plan.log, plan.start, plan.end);
    co_return true;
}

// The rest of the record has to come first: another run would find what the last one did, at once and for ever.
bool ReplayRunner::is_torn(const Plan& plan) const {
    return torn_ && torn_->log == plan.log && torn_->begin == plan.start && plan.end <= torn_->end &&
           torn_->cuts == context_.logs.cuts(plan.log);
}

// The last run has come farther, and that could not be published: /mars takes no names.
bool ReplayRunner::is_again(const Plan& plan) const {
    return reached_ && reached_->log == plan.log && plan.start < reached_->pos;
}

// Each run publishes its begin and end. While a primary writes, runs are collected, so that the tree is not busy with
// them; when a handover is under way everything is applied at once, but not the same again and again.
bool ReplayRunner::shall_wait_for_more(const Plan& plan) const {
    const auto since = context_.now() - ended_at_;
    const auto primary = view_.primary();
    const bool is_handover = primary.empty() || primary == host_.me() || host_.questions.is_asked_here(kAskedLately);
    const bool is_worth_it = is_handover || plan.end - plan.start >= kReplayEnough;
    if (since >= kReplayPause || (is_worth_it && !is_again(plan))) return false;
    context_.round.look_again_in(kReplayPause - since);
    return true;
}

env::task<void> ReplayRunner::take_outcome() {
    note_newest();
    const auto end = engine_.end();
    auto outcome = co_await engine_.take_outcome();
    ended_at_ = context_.now();
    torn_.reset();
    reached_ = format::LogPosition{outcome.log, outcome.position};
    if (outcome.is_torn) torn_ = Torn{outcome.log, outcome.position, end, context_.logs.cuts(outcome.log)};
    health_.note_outcome(std::move(outcome));
}

// TL-P5: the disk has failed a moment ago, or the log could not be read. Neither gets better by another copy of the
// log; it is tried again after a while.
bool ReplayRunner::must_pause() const {
    if (health_.last_replay().code.code >= 0 || health_.damaged()) return false;
    const auto since = context_.now() - ended_at_;
    if (since >= kReplayRetry) return false;
    context_.round.look_again_in(kReplayRetry - since);
    return true;
}

env::task<result<bool>> ReplayRunner::publish() {
    if (!engine_.is_running() && !engine_.has_ended()) co_return false;
    MARS_CO_TRY_VOID(co_await context_.positions.publish(engine_.position(), engine_.end()));
    co_return true;
}

void ReplayRunner::note_newest() {
    if (const auto newest = engine_.newest()) newest_ = newest;
}

void ReplayRunner::add_facts(Facts& facts) {
    note_newest();
    facts.newest_applied = newest_;
    facts.is_replaying = is_running();
    facts.replay_code = is_running() ? "0" : health_.last_replay().code.text();
    facts.replay_rate = rate_of(engine_.rate(), is_running());
}

} // namespace mars::resource
