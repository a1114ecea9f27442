// SPDX-License-Identifier: GPL-2.0-or-later
// What a Controller makes of the logs that an earlier life has left: torn ends, damage, logs that have gone.
// Spec: transaction-log 8; docs/formats/witness.md.
#include <cerrno>

#include "kernel/block/log_reader.hpp"
#include "kernel/resource/controller.hpp"

namespace mars::resource {

namespace {
constexpr const char* kAppending = "appending";         // which logs this host is writing
constexpr std::int64_t kTornBytes = 128 << 10;          // no record is longer
constexpr Duration kExamine = std::chrono::seconds(30); // a damaged log is looked at again

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

// Bytes of `log` that are on the disk for certain (transaction-log P4); 0 for logs other than that of the position.
std::int64_t Controller::applied_of(const LogName& log) const {
    const auto replay = view_.replay(host_.me());
    if (!replay || replay->log != log) return 0;
    const auto version = view_.version(log.seq, host_.me());
    return version && version->log == log ? std::min(replay->pos, version->length) : replay->pos;
}

// After a crash the newest log may end in bytes that were never durable: they were promised to nobody and go. Earlier
// logs were complete and durable before a later one got its first byte; so behind an empty log (a rotation was under
// way) the one before is looked at, too. What an earlier life as primary has acknowledged, but
// not published, is published now: before anything says that this host is no longer primary, others must know that
// there is more to fetch.
env::task<result<void>> Controller::recover_logs() {
    MARS_CO_TRY_VOID(co_await logs_->refresh());
    logs_are_stale_ = false;
    const auto replay = view_.replay(host_.me());
    const auto logs = logs_->local();
    if (!replay || logs.empty()) co_return result<void>();
    for (auto log = logs.rbegin(); log != logs.rend() && log->name.seq >= replay->log.seq; ++log) {
        MARS_CO_TRY_VOID(co_await examine(log->name, true));
        if (logs_->length(log->name).value_or(0) > 0) break;
    }
    for (auto& log : logs_->local()) {
        if (log.name.seq < replay->log.seq || log.name.host != host_.me() || log.length == 0) continue;
        const auto version = view_.version(log.name.seq, host_.me());
        const auto told = version && version->log == log.name ? version->length : 0;
        if (damage_ && damage_->log == log.name) { // what is behind is not known yet
            MARS_CO_TRY_VOID(positions_.correct_version(log.name, std::max(told, damage_->good_up_to)));
            continue;
        }
        // Somebody has cut it, the disk may hold more, and more was acknowledged: no other history may begin there.
        if (log.length < std::max(told, applied_of(log.name))) {
            host_.env.log().error("resource " + view_.name() + ": of " + log.name.text() + ", only " +
                                  std::to_string(log.length) + " bytes are left, and " + std::to_string(told) +
                                  " had been acknowledged");
            // decide() says what now. Also in the middle of a handover: what was promised, the new primary may have.
            if (const auto primary = view_.primary(); primary.empty() || primary == host_.me()) continue;
        }
        MARS_CO_TRY_VOID(positions_.correct_version(log.name, log.length));
    }
    co_return result<void>();
}

// What anybody has been told of the log, as far as is known.
std::int64_t Controller::promised_of(const LogName& log) const {
    std::int64_t promised = 0;
    for (const auto& host : view_.storage_members()) {
        if (const auto version = view_.version(log.seq, host); version && version->log == log)
            promised = std::max(promised, version->length);
        if (const auto replay = view_.replay(host); replay && replay->log == log)
            promised = std::max(promised, replay->pos);
    }
    return promised;
}

// Each member that can be reached has said what it has of the damaged log.
bool Controller::has_asked_all() const {
    const auto members = view_.storage_members();
    return std::all_of(members.begin(), members.end(), [&](const std::string& host) {
        return host == host_.me() || repair_.has_asked(host) ||
               (host_.may_be_designated() && !host_.is_reachable(host));
    });
}

// What follows the last good record goes if it is what a crash has left: the beginning of a record that nobody was told
// of, or of a copy; other bytes, and what somebody was told of, only when every member has been asked, and damaged
// records that somebody was told of never. All else is damage, and members are asked for what was there.
env::task<result<void>> Controller::examine(LogName log, bool is_recovery) {
    examined_at_ = host_.env.clock().steady();
    const auto start = applied_of(log);
    const auto length = logs_->length(log).value_or(0);
    if (length <= start) co_return result<void>();
    MARS_CO_TRY(const auto found,
                co_await block::scan_to_end(host_.env, logs_->path(log), static_cast<std::uint64_t>(start)));
    if (found.tail == block::LogTail::clean || found.stop.kind == format::ScanKind::unsupported)
        co_return co_await end_damage(log);
    const auto end = static_cast<std::int64_t>(found.position);
    const auto promised = promised_of(log);
    const bool is_own = log.host == host_.me();
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
    const std::string what = "resource " + view_.name() + ": " + log.text() + " is whole up to byte " +
                             std::to_string(end) + " of " + std::to_string(length);
    if (is_own && end < promised)
        host_.env.log().error(what + " although " + std::to_string(promised) +
                              " bytes had been acknowledged: the disk below /mars has lost what it had called durable; "
                              "what is left of the record there is cut off");
    else
        host_.env.log().warning(what + "; the rest, of which nobody was told, is cut off" +
                                (repair_.trouble().empty() ? "" : " (members were asked: " + repair_.trouble() + ")"));
    auto name = log;
    MARS_CO_TRY_VOID(co_await logs_->cut(std::move(name), end));
    if (is_own) MARS_CO_TRY_VOID(positions_.correct_version(log, end));
    if (damage_ && damage_->log == log) forget_damage();
    co_return result<void>();
}

// --- damaged logs ----------------------------------------------------------------------------------------------------

void Controller::note_damage(const LogName& log, std::int64_t good_up_to, ReplayOutcome why) {
    logs_->hide_behind(log, good_up_to);
    if (!damage_ || damage_->log != log) {
        repair_.forget();
        host_.env.log().error("resource " + view_.name() + ": " + log.text() + " is damaged at byte " +
                              std::to_string(good_up_to) + " of " + std::to_string(logs_->length(log).value_or(0)) +
                              ": " + why.text +
                              "; members are asked for what was there; next: look at the disk below "
                              "/mars (dmesg, smartctl)");
    }
    damage_ = Damage{log, good_up_to, logs_->cuts(log)};
    last_replay_ = std::move(why);
}

void Controller::forget_damage() {
    logs_->serve_again(damage_->log);
    damage_.reset();
    last_replay_ = {};
    repair_.forget();
}

// Nothing is wrong with the log any more, if anything was.
env::task<result<void>> Controller::end_damage(LogName log) {
    if (!damage_ || damage_->log != log) co_return result<void>();
    auto name = log;
    MARS_CO_TRY_VOID(co_await logs_->measure(std::move(name)));
    if (log.host == host_.me()) MARS_CO_TRY_VOID(positions_.correct_version(log, logs_->length(log).value_or(0)));
    host_.env.log().info("resource " + view_.name() + ": " + log.text() + " is whole again");
    forget_damage();
    co_return result<void>();
}

// After members have been asked, and from time to time: an I/O error may pass by itself, members come and go.
env::task<void> Controller::settle_damage() {
    if (repair_.is_running() || replay_.is_running() || append_.is_running()) co_return;
    const bool is_gone = !logs_->length(damage_->log) || logs_->cuts(damage_->log) != damage_->cuts;
    if (is_gone) { // fetched anew, or given up
        forget_damage();
        co_return;
    }
    const auto since = host_.env.clock().steady() - examined_at_;
    const bool has_news = repair_.take_end();
    if (!has_news && since < kExamine) {
        next_look_ = std::min(next_look_, kExamine - since);
        co_return;
    }
    auto examined = co_await examine(damage_->log, false);
    if (!examined) host_.env.log().error("resource " + view_.name() + ": " + examined.error().text);
}

env::task<bool> Controller::steer_repair(const Plan& plan) {
    if (damage_ && !repair_.is_wanted()) next_look_ = std::min(next_look_, repair_.wait());
    if (!plan.repair || repair_.is_running()) co_return false;
    repair_.start(plan.log, plan.start, sources_of(plan), host_.tree.value("uuid"));
    co_return true;
}

// What create-resource has written, and join-resource may have copied, says nothing of the log; the primary replaces
// its own. Who has not got a byte of that log must do the same, or never becomes level.
result<void> Controller::replace_zero_version() {
    const auto replay = view_.replay(host_.me());
    const auto version = replay ? view_.version(replay->log.seq, host_.me()) : std::nullopt;
    if (!is_recovered_ || !version || version->log != replay->log || version->length != 0) return {};
    if (version->digest.find_first_not_of('0') != std::string::npos || logs_->length(replay->log).value_or(0) != 0)
        return {};
    return positions_.correct_version(replay->log, 0);
}

// --- what it was writing when it died --------------------------------------------------------------------------------

// Which logs are being written is known, durably, before anything in them is acknowledged, and until the last position
// has been published in an orderly stop. They exist already. docs/formats/witness.md.
env::task<bool> Controller::note_appending(std::string logs) {
    gone_.reset();
    auto noted = host_.tree.set(local_key(kAppending), logs);
    if (noted) noted = co_await host_.tree.sync();
    if (!noted) say("err-replay-stop", "that " + logs + " is being written cannot be noted: " + noted.error().text);
    co_return noted.has_value();
}

void Controller::forget_appending() {
    gone_.reset();
    if (!host_.tree.has(local_key(kAppending))) return;
    if (auto done = host_.tree.remove(local_key(kAppending)); !done)
        quiet_.warning("appending", "resource " + view_.name() + ": " + done.error().text);
}

// What was acknowledged behind the end of such a log, and perhaps written to the disk, nobody knows.
std::optional<LogName> Controller::gone_log() const {
    if (append_.is_running()) return std::nullopt;
    const auto noted = host_.tree.value(local_key(kAppending)); // from the disk
    const auto replay = view_.replay(host_.me());
    if (noted.empty() || !replay) return std::nullopt;
    for (auto& text : format::split_fields(noted, ' ')) {
        const auto log = LogName::parse(text);
        if (!log || log->seq < replay->log.seq) continue;
        const auto length = logs_->length(*log);
        const auto version = view_.version(log->seq, host_.me());
        const auto told = version && version->log == *log ? version->length : 0;
        if (!length || *length < std::max(told, applied_of(*log))) return log;
    }
    return std::nullopt;
}

} // namespace mars::resource
