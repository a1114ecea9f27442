// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/resource/sync_runner.hpp"

namespace mars::resource {

namespace {
constexpr Duration kShortestTurn = std::chrono::seconds(8); // a shorter one means: no turns
constexpr Duration kOthersEnd = std::chrono::seconds(1);    // between two looks whether another sync may begin
} // namespace

void SyncRunner::observe(Local& local) {
    local.sync_had_turn = has_had_turn();
    local.replay_has_turn = replay_has_turn_;
}

env::task<bool> SyncRunner::stop(const Plan& plan) {
    if (plan.is_replays_turn) replay_has_turn_ = true;
    co_await engine_.stop();
    co_return true;
}

env::task<bool> SyncRunner::advance(const Plan& plan, std::shared_ptr<block::Disk> disk) {
    if (is_running() || plan.work != Work::sync) co_return false;
    if (engine_.is_complete() && engine_.source_host() == plan.source) co_return false; // tell_end() waits
    const bool is_other = !source_host_.empty() && source_host_ != plan.source;
    source_host_ = plan.source;
    if ((is_other || engine_.is_void()) && plan.start > 0) {
        (void)host_.tree.set(view_.key("syncstatus-" + host_.me()), "0"); // a full /mars: seen in the next round
        co_return true;
    }
    if (!host_.may_sync()) {
        context_.round.say("inf-sync-start", "waiting for the end of other syncs to " + host_.me() +
                                                 ": so many as sync-limit allows are under way");
        context_.round.look_again_in(kOthersEnd);
        co_return false;
    }
    replay_has_turn_ = false;
    engine_.start(*disk, plan.source, plan.start, plan.end);
    co_return true;
}

// Y9: it has made progress for the time of its turn.
bool SyncRunner::has_had_turn() const {
    const auto turn = host_.tunables.sync_flip_interval;
    return is_running() && turn >= kShortestTurn && engine_.has_progress() &&
           context_.now() - engine_.started_at() >= turn;
}

void SyncRunner::forget() {
    engine_.forget();
    asked_.reset();
}

// Only when the primary has answered a question that was asked after the copy was complete, the position that replay
// must reach is known.
env::task<bool> SyncRunner::tell_end() {
    if (!engine_.is_complete()) {
        asked_.reset();
        co_return false;
    }
    const auto primary = engine_.source_host();
    if (!asked_) {
        auto asked = host_.questions.ask();
        if (!asked) {
            context_.round.say("inf-sync", "the end of the sync cannot be asked for: " + asked.error().text);
            co_return false;
        }
        asked_ = *asked;
    }
    // Only who is at work as primary knows what is on its disk: one that has crashed meanwhile finds out first.
    const auto role = host_.tree.get(view_.key("actual-" + primary + "/is-primary"));
    const bool is_at_work = role && role->value == "1" && *asked_ < role->stamp;
    const auto position = host_.tree.get(view_.key("replay-" + primary));
    if (!position || !is_at_work || !host_.questions.has_answered(primary, *asked_) || view_.primary() != primary)
        co_return false;
    auto told = host_.tree.set(view_.key("syncpos-" + host_.me()), position->value);
    if (told) told = host_.tree.set(view_.key("verifystatus-" + host_.me()), engine_.verify_status());
    // What the disk needs to become consistent, and what it holds, must be known after any crash before the sync counts
    // as done.
    if (told) co_await disk_.renew_witness(true, true);
    if (told) told = co_await host_.tree.sync();
    if (told) told = host_.tree.set(view_.key("syncstatus-" + host_.me()), std::to_string(engine_.end()));
    if (!told) {
        context_.round.say("inf-sync", "the end of the sync cannot be published: " + told.error().text);
        co_return false;
    }
    engine_.forget();
    co_return true;
}

// Only tell_end() tells the end: until then, the disk is a mixture.
env::task<result<bool>> SyncRunner::publish() {
    if (is_running() && !engine_.is_complete() && engine_.durable_offset() < engine_.end())
        (void)host_.tree.set(view_.key("syncstatus-" + host_.me()), std::to_string(engine_.durable_offset()));
    co_return false;
}

void SyncRunner::add_facts(Facts& facts) {
    facts.is_syncing = is_running();
    facts.sync_rate = rate_of(engine_.rate(), is_running());
}

void SyncRunner::add_messages(std::map<std::string, std::string>& messages) const {
    if (!engine_.trouble().empty()) messages.emplace("inf-sync", engine_.trouble());
}

} // namespace mars::resource
