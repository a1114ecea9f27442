// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/resource/log_health.hpp"

#include <cerrno>

#include "kernel/block/log_reader.hpp"

namespace mars::resource {

namespace {
constexpr std::int64_t kTornBytes = 128 << 10;          // no record is longer
constexpr Duration kExamine = std::chrono::seconds(30); // a damaged log is looked at again

// The log itself is wrong, so that another copy of it may help.
bool is_defect(const format::ReplayCode& code) {
    return code.code == -EBADMSG || code.code == -EBADRQC || code.code == -ERESTART;
}

ReplayOutcome outcome_of(const LogName& log, const block::LogEnd& found) {
    ReplayOutcome outcome;
    outcome.log = log;
    outcome.log_is_unreadable = found.tail == block::LogTail::unreadable;
    outcome.code = format::ReplayCode::of(found.stop);
    if (outcome.log_is_unreadable) outcome.code.code = -EIO;
    outcome.text = outcome.log_is_unreadable ? found.stop.problem : found.stop.text();
    return outcome;
}

} // namespace

// After a crash the newest log may end in bytes that were never durable: they were promised to nobody and go. Earlier
// logs were complete and durable before a later one got its first byte; so behind an empty log (a rotation was under
// way) the one before is looked at, too. What an earlier life as primary has acknowledged, but
// not published, is published now: before anything says that this host is no longer primary, others must know that
// there is more to fetch.
env::task<result<void>> LogHealth::recover() {
    MARS_CO_TRY_VOID(co_await context_.logs.refresh());
    const auto replay = context_.view.replay(context_.me());
    const auto logs = context_.logs.local();
    if (!replay || logs.empty()) co_return result<void>();
    // After a forced switch, there may be a log of the old primary with the number of the own one.
    std::optional<std::int64_t> newest;
    for (auto log = logs.rbegin(); log != logs.rend() && log->name.seq >= replay->log.seq; ++log) {
        if (newest && log->name.seq != *newest) break;
        MARS_CO_TRY_VOID(co_await examine(log->name, true));
        if (context_.logs.length(log->name).value_or(0) > 0) newest = log->name.seq;
    }
    for (auto& log : context_.logs.local()) {
        if (log.name.seq < replay->log.seq || log.name.host != context_.me() || log.length == 0) continue;
        const auto version = context_.view.version(log.name.seq, context_.me());
        const auto told = version && version->log == log.name ? version->length : 0;
        if (damage_ && damage_->log == log.name) { // what is behind is not known yet
            MARS_CO_TRY_VOID(context_.positions.correct_version(log.name, std::max(told, damage_->good_up_to)));
            continue;
        }
        // Somebody has cut it, the disk may hold more, and more was acknowledged: no other history may begin there.
        if (log.length < std::max(told, context_.view.applied_of(context_.me(), log.name))) {
            context_.host.env.log().error("resource " + context_.view.name() + ": of " + log.name.text() + ", only " +
                                          std::to_string(log.length) + " bytes are left, and " + std::to_string(told) +
                                          " had been acknowledged");
            // decide() says what now. Also in the middle of a handover: what was promised, the new primary may have.
            if (const auto primary = context_.view.primary(); primary.empty() || primary == context_.me()) continue;
        }
        MARS_CO_TRY_VOID(context_.positions.correct_version(log.name, log.length));
    }
    co_return result<void>();
}

// What anybody has been told of the log, as far as is known.
std::int64_t LogHealth::promised_of(const LogName& log) const {
    std::int64_t promised = 0;
    for (const auto& host : context_.view.storage_members()) {
        if (const auto version = context_.view.version(log.seq, host); version && version->log == log)
            promised = std::max(promised, version->length);
        if (const auto replay = context_.view.replay(host); replay && replay->log == log)
            promised = std::max(promised, replay->pos);
    }
    return promised;
}

// Each member that can be reached has said what it has of the damaged log.
bool LogHealth::has_asked_all() const {
    const auto members = context_.view.storage_members();
    return std::all_of(members.begin(), members.end(), [&](const std::string& host) {
        return host == context_.me() || repair_.has_asked(host) ||
               (context_.host.may_be_designated(context_.view.name()) && !context_.host.is_reachable(host));
    });
}

// What follows the last good record goes if it is what a crash has left: the beginning of a record that nobody was told
// of, or of a copy; other bytes, and what somebody was told of, only when every member has been asked, and damaged
// records that somebody was told of never. All else is damage, and members are asked for what was there.
env::task<result<void>> LogHealth::examine(LogName log, bool is_recovery) {
    examined_at_ = context_.now();
    const auto start = context_.view.applied_of(context_.me(), log);
    const auto length = context_.logs.length(log).value_or(0);
    if (length <= start) co_return result<void>();
    MARS_CO_TRY(const auto found, co_await block::scan_to_end(context_.host.env, context_.logs.path(log),
                                                              static_cast<std::uint64_t>(start)));
    if (found.tail == block::LogTail::clean) co_return co_await end_damage(log);
    const auto end = static_cast<std::int64_t>(found.position);
    const auto promised = promised_of(log);
    const bool is_own = log.host == context_.me();
    const bool is_torn = found.tail == block::LogTail::torn && length - end <= kTornBytes;
    bool may_cut = false;
    if (found.tail == block::LogTail::unreadable)
        may_cut = false;
    else if (!is_own)
        may_cut = (is_torn && is_recovery) || (end >= promised && has_asked_all());
    else if (is_torn)
        may_cut = end >= promised || has_asked_all();
    else
        may_cut = end >= promised && has_asked_all();
    if (!may_cut) {
        note_damage(log, end, outcome_of(log, found));
        co_return result<void>();
    }
    const std::string what = context_.prefix() + log.text() + " is whole up to byte " + std::to_string(end) + " of " +
                             std::to_string(length);
    if (is_own && end < promised)
        context_.host.env.log().error(
            what + " although " + std::to_string(promised) +
            " bytes had been acknowledged: the disk below /mars has lost what it had called durable; "
            "what is left of the record there is cut off");
    else
        context_.host.env.log().warning(
            what + "; the rest, of which nobody was told, is cut off" +
            (repair_.trouble().empty() ? "" : " (members were asked: " + repair_.trouble() + ")"));
    auto name = log;
    MARS_CO_TRY_VOID(co_await context_.logs.cut(std::move(name), end));
    if (is_own) MARS_CO_TRY_VOID(context_.positions.correct_version(log, end));
    if (damage_ && damage_->log == log) forget_damage();
    co_return result<void>();
}

void LogHealth::note_damage(const LogName& log, std::int64_t good_up_to, ReplayOutcome why) {
    context_.logs.hide_behind(log, good_up_to);
    if (!damage_ || damage_->log != log) {
        repair_.forget();
        context_.host.env.log().error(context_.prefix() + log.text() + " is damaged at byte " +
                                      std::to_string(good_up_to) + " of " +
                                      std::to_string(context_.logs.length(log).value_or(0)) + ": " + why.text +
                                      "; members are asked for what was there; next: look at the disk below "
                                      "/mars (dmesg, smartctl)");
    }
    damage_ = Damage{log, good_up_to, context_.logs.cuts(log)};
    last_replay_ = std::move(why);
}

void LogHealth::forget_damage() {
    context_.logs.serve_again(damage_->log);
    damage_.reset();
    last_replay_ = {};
    repair_.forget();
}

// Nothing is wrong with the log any more, if anything was.
env::task<result<void>> LogHealth::end_damage(LogName log) {
    if (!damage_ || damage_->log != log) co_return result<void>();
    auto name = log;
    MARS_CO_TRY_VOID(co_await context_.logs.measure(std::move(name)));
    if (log.host == context_.me())
        MARS_CO_TRY_VOID(context_.positions.correct_version(log, context_.logs.length(log).value_or(0)));
    context_.host.env.log().info(context_.prefix() + log.text() + " is whole again");
    forget_damage();
    co_return result<void>();
}

// After members have been asked, and from time to time: an I/O error may pass by itself, members come and go.
env::task<void> LogHealth::settle(bool is_busy) {
    if (!damage_ || is_busy || repair_.is_running()) co_return;
    if (is_pausing()) {
        context_.round.look_again_in(kRetry - (context_.now() - *failed_at_));
        co_return;
    }
    const bool is_gone = !context_.logs.length(damage_->log) || context_.logs.cuts(damage_->log) != damage_->cuts;
    if (is_gone) { // fetched anew, or given up
        forget_damage();
        co_return;
    }
    const auto since = context_.now() - examined_at_;
    const bool has_news = repair_.take_end();
    if (!has_news && since < kExamine) {
        context_.round.look_again_in(kExamine - since);
        co_return;
    }
    auto examined = co_await examine(damage_->log, false);
    failed_at_.reset();
    if (examined) co_return;
    failed_at_ = context_.now();
    context_.host.env.log().error(context_.prefix() + examined.error().text + "; tried again");
}

// What create-resource has written, and join-resource may have copied, says nothing of the log; the primary replaces
// its own. Who has not got a byte of that log must do the same, or never becomes level.
result<void> LogHealth::replace_zero_version() {
    const auto replay = context_.view.replay(context_.me());
    const auto version = replay ? context_.view.version(replay->log.seq, context_.me()) : std::nullopt;
    if (!version || version->log != replay->log || version->length != 0) return {};
    if (version->digest.find_first_not_of('0') != std::string::npos ||
        context_.logs.length(replay->log).value_or(0) != 0)
        return {};
    return context_.positions.correct_version(replay->log, 0);
}

std::string LogHealth::replay_trouble() const {
    auto text = last_replay_.text;
    if (!damage_) return text;
    if (repair_.is_running()) return text + "; members are being asked for what is damaged";
    if (!context_.view.todo(context_.me(), "connect"))
        return text + "; fetch is paused on " + context_.me() +
               ", so that nobody is asked for what is damaged; next: " + "marsadm resume-fetch " +
               context_.view.name() + " there";
    if (!repair_.trouble().empty()) text += "; nobody can replace it: " + repair_.trouble();
    return text;
}

void LogHealth::note_outcome(ReplayOutcome outcome) {
    last_replay_ = std::move(outcome);
    if (last_replay_.code.code >= 0) return;
    const bool is_damage = is_defect(last_replay_.code) || last_replay_.log_is_unreadable;
    const bool is_new = std::exchange(last_error_, last_replay_.text) != last_replay_.text;
    if (is_new && !is_damage) context_.host.env.log().error(context_.prefix() + last_replay_.text);
    if (!is_damage) return;
    examined_at_ = context_.now();
    note_damage(last_replay_.log, context_.view.replay(context_.me())->pos, last_replay_);
}

// What stopped replay was in a log that this replica does not need any more (invalidate).
void LogHealth::forget_old_outcome() {
    if (last_replay_.code.code >= 0) return;
    const auto replay = context_.view.replay(context_.me());
    if (replay && replay->log != last_replay_.log && (!damage_ || damage_->log != last_replay_.log)) last_replay_ = {};
}

} // namespace mars::resource
