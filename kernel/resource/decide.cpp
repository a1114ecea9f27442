// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/resource/decide.hpp"

#include <algorithm>

#include "kernel/resource/decision.hpp"

namespace mars::resource {

namespace {

constexpr std::int64_t kHoleDistance = 5; // 4.2 `hole`

bool is_behind(const format::ReplayLink& a, const format::ReplayLink& b) {
    return format::compare_progress(a.position(), b.position()) < 0;
}

} // namespace

Decision::Decision(const tree::View& view, const std::string& resource, const Local& local)
    : view_(view), r_(view, resource), local_(local), me_(local.me) {
    active_ = view.get(r_.key("device-" + me_)).has_value();
    may_attach_ = active_ && !local.shutting_down && r_.todo(me_, "attach");
    designated_ = may_attach_ && local.may_be_designated && r_.primary() == me_;
    replay_ = r_.replay(me_);
    if (replay_) find_position();
}

Plan Decision::make() {
    plan_.device = wants_device();
    plan_.open_disk = may_attach_ || local_.device_exists || local_.engine == Engine::appending;
    if (local_.engine == Engine::appending) {
        decide_appending();
        return std::move(plan_);
    }
    if (!may_attach_) return std::move(plan_);
    if (!replay_) {
        say("err-replaylink-not-readable",
            "replay-" + me_ +
                " is missing or unreadable, so that nobody knows what the disk holds; next: marsadm invalidate " +
                r_.name() + " on " + me_);
        return std::move(plan_);
    }
    decide_sync();
    if (is_split()) return std::move(plan_);
    decide_replay();
    if (plan_.work == Work::nothing) decide_next();
    decide_repair();
    if (!plan_.repair) decide_fetch();
    return std::move(plan_);
}

// --- facts ----------------------------------------------------------------------------------------------------------

// Where replay stands: the smaller of replay link and version link (TL-P4), and the length of that log.
void Decision::find_position() {
    cur_ = replay_->log;
    position_ = replay_->pos;
    if (auto version = r_.version(cur_.seq, me_); version && version->log == cur_)
        position_ = std::min(position_, version->length);
    length_ = length_of(cur_).value_or(0);
    if (const auto end = continued_at(); end && position_ <= *end) length_ = std::min(length_, *end);
    if (!gives_up_rest()) return;
    const auto& torn = local_.torn_end;
    if (torn && torn->log == cur_ && torn->position == position_ && length_ <= torn->length) length_ = position_;
    if (local_.damaged == cur_) length_ = std::min(length_, std::max(position_, local_.damaged_from));
}

// Where the log of another host ends, as the designated primary's history says, or the log that follows it here. What
// is behind was lost by its writer (a disk that had called it durable), or never reached the host that has gone on by a
// forced switch: the copy here is longer, and its rest belongs to no history as long as it is not applied.
std::optional<std::int64_t> Decision::continued_at() const {
    if (is_mine(cur_)) return std::nullopt;
    auto link = designated_ ? std::nullopt : r_.version(cur_.seq + 1, r_.primary());
    if (!link || link->prev.empty()) {
        const auto next = logs_numbered(cur_.seq + 1);
        if (next.size() != 1) return std::nullopt;
        link = r_.version(next.front().seq, next.front().host);
        if (!link || link->log != next.front() || link->prev.empty()) return std::nullopt;
    }
    const auto end = format::head_position(link->prev);
    return end && end->log == cur_ ? std::optional(end->pos) : std::nullopt;
}

std::optional<std::int64_t> Decision::length_of(const LogName& name) const {
    for (auto& log : local_.logs)
        if (log.name == name) return log.length;
    return std::nullopt;
}

// Local logs with this number; an own one hides foreign ones (S1), but not an empty one that of the designated primary:
// a crash in the middle of a rotation leaves such a log, and nothing was ever in it. Of several foreign ones, that of
// the primary's history counts if it continues what is here: the others belong to a version that is to go.
std::vector<LogName> Decision::logs_numbered(std::int64_t number) const {
    std::vector<LogName> found;
    for (auto& log : local_.logs)
        if (log.name.seq == number) found.push_back(log.name);
    const auto chosen = designated_ ? std::nullopt : r_.version(number, r_.primary());
    const LogName own{number, me_};
    if (const auto mine = std::find(found.begin(), found.end(), own); mine != found.end()) {
        if (!chosen || chosen->log == own || length_of(own).value_or(0) > 0) return {own};
        found.erase(mine);
    }
    if (found.size() < 2 || !chosen || std::find(found.begin(), found.end(), chosen->log) == found.end()) return found;
    const auto before = r_.version(number - 1, me_);
    const bool continues_this = before && chosen->prev == before->head();
    return continues_this || chosen->log == cur_ ? std::vector<LogName>{chosen->log} : found;
}

bool Decision::has_hole() const {
    std::int64_t contiguous = cur_.seq;
    for (auto& log : local_.logs)
        if (log.name.seq == contiguous + 1) contiguous = log.name.seq;
    return std::any_of(local_.logs.begin(), local_.logs.end(),
                       [&](const LocalLog& log) { return log.name.seq > contiguous + kHoleDistance; });
}

// True when this replica and the designated primary have gone on differently: nothing is fetched or replayed until
// one of them gives way. The primary itself goes on: it is the version that the operator has chosen.
bool Decision::is_split() {
    const auto primary = r_.primary();
    if (designated_ || primary.empty() || primary == me_ || plan_.work == Work::sync) return false;
    const auto theirs = r_.replay(primary);
    // A replay link may have arrived before its version link.
    const auto link = theirs ? r_.version(theirs->log.seq, primary) : std::nullopt;
    if (!link || link->log != theirs->log) return false;
    const auto history = compare_with(primary, theirs->position());
    if (history.kind != format::History::split) return false;
    const auto beyond = [](std::int64_t bytes) { return std::to_string(bytes) + " bytes beyond it"; };
    say("err-splitbrain-detected",
        me_ + " and " + primary + " have gone on differently after " +
            (history.last_common ? history.last_common->text() + ": " + me_ + " has " + beyond(history.beyond_a) +
                                       ", " + primary + " " + beyond(history.beyond_b)
                                 : "a point that is not known any more") +
            "; next: to keep the version of " + primary + ": marsadm invalidate " + r_.name() + " on " + me_ +
            "; to keep that of " + me_ + ", here: marsadm disconnect " + r_.name() + ", then marsadm primary --force " +
            r_.name() + ", then marsadm invalidate " + r_.name() + " on " + primary);
    return true;
}

// With all that this host has written itself, applied or not: its disk may hold any of it.
format::HistoryResult Decision::compare_with(const std::string& host, const format::LogPosition& there) const {
    const format::VersionLookup look_up = [&](std::int64_t seq, std::string_view of) {
        return view_.get_value(r_.key(format::version_key(seq, of)));
    };
    auto here = format::known_end({me_, {cur_, position_}}, look_up);
    if (is_mine(cur_) && here.position.log == cur_) here.position.pos = std::max(here.position.pos, length_);
    return format::compare_histories(here, format::known_end({host, there}, look_up), look_up);
}

// --- the primary's side ------------------------------------------------------------------------------------------

// P1, P2.
bool Decision::wants_device() const {
    if (local_.device_exists && local_.open_count > 0) return true;
    return designated_ && local_.engine == Engine::appending && !local_.is_append_over && r_.size() > 0;
}

// P4: appending ends when the device is gone and nobody wants it back, or nobody can use it.
void Decision::decide_appending() {
    if ((!designated_ || local_.is_append_over) && !local_.device_exists) return;
    plan_.work = Work::append;
    if (local_.appending_to) plan_.log = *local_.appending_to;
    decide_rotation();
}

// G5: the next own log that is still empty. G3: a new one, when the present one is large enough.
void Decision::decide_rotation() {
    const LogName next{plan_.log.seq + 1, me_};
    const auto there = length_of(next);
    const bool is_full = local_.rotate_at > 0 && length_of(plan_.log).value_or(0) >= local_.rotate_at;
    if (there == std::int64_t(0) || (is_full && !there)) plan_.rotate_to = next;
}

// --- sync --------------------------------------------------------------------------------------------------------

void Decision::decide_sync() {
    const auto status = r_.sync_status(me_);
    const std::string primary = r_.primary();
    if (!status || r_.size() <= 0 || *status >= r_.size() || primary.empty() || primary == me_) return;
    if (has_double() || has_hole()) return say("inf-sync", "logs here are not contiguous: sync cannot start");
    const auto preferred = view_.value(r_.key("syncfrom-" + me_));
    if (!preferred.empty() && preferred != primary) return;
    plan_.sync_wanted = true;
    sync_source_ = r_.replay(primary);
    if (!sync_source_ || is_behind(*sync_source_, *replay_))
        return say("inf-sync-start", "waiting until " + primary + " has replayed as far as " + me_);
    if (!r_.todo(me_, "sync")) return;
    const bool replay_first = local_.replay_has_turn && replay_has_work();
    if (replay_first) return;
    plan_.work = Work::sync;
    plan_.source = primary;
    plan_.start = *status;
    plan_.end = r_.size();
}

// --- replay ------------------------------------------------------------------------------------------------------

// How far replay may go: all of the log, but while a sync is pending not beyond what is on the primary's disk
// (TL-Y1).
std::int64_t Decision::replay_bound() const {
    if (!plan_.sync_wanted) return length_;
    if (!sync_source_ || is_behind(*sync_source_, *replay_)) return position_; // Y8
    return sync_source_->log.seq == cur_.seq ? std::min(length_, sync_source_->pos) : length_;
}

bool Decision::replay_has_work() const {
    return replay_bound() > position_ && is_usable() && !local_.replay_must_pause;
}

void Decision::decide_replay() {
    if (plan_.work != Work::nothing || local_.gone_log) return; // records from before what the disk may have
    if (is_log_short() && !local_.is_trusted) return;           // the link would forget what had been acknowledged
    if (length_ < position_ && length_of(cur_) && !is_log_short())
        say("err-replay-stop", cur_.text() + " is shorter (" + std::to_string(length_) +
                                   " bytes) than the position already replayed (" + std::to_string(position_) + ")");
    if (!replay_has_work() || !r_.todo(me_, "allow-replay")) return;
    plan_.work = Work::replay;
    plan_.log = cur_;
    plan_.start = position_;
    plan_.end = replay_bound();
}

Plan decide(const tree::View& view, const std::string& resource, const Local& local) {
    auto plan = Decision(view, resource, local).make();
    if (plan.work != Work::sync || local.engine != Engine::syncing || !local.sync_had_turn) return plan;
    auto without_sync = local;
    without_sync.engine = Engine::off;
    without_sync.replay_has_turn = true;
    auto instead = Decision(view, resource, without_sync).make();
    instead.is_replays_turn = instead.work == Work::replay;
    return instead.is_replays_turn ? instead : plan;
}

} // namespace mars::resource
