// SPDX-License-Identifier: GPL-2.0-or-later
// What a Controller makes of the logs that an earlier life has left: torn ends, damage, logs that have gone.
// Spec: transaction-log 8; docs/formats/witness.md.
#include <cerrno>

#include "kernel/block/log_reader.hpp"
#include "kernel/resource/controller.hpp"

namespace mars::resource {

namespace {
constexpr const char* kAppending = "appending"; // which logs this host is writing

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
        MARS_CO_TRY_VOID(co_await recover_log(log->name, applied_of(log->name)));
        if (logs_->length(log->name).value_or(0) > 0) break;
    }
    for (auto& log : logs_->local()) {
        if (log.name.seq < replay->log.seq || log.name.host != host_.me() || log.length == 0) continue;
        const auto version = view_.version(log.name.seq, host_.me());
        const auto told = version && version->log == log.name ? version->length : 0;
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

env::task<result<void>> Controller::recover_log(LogName log, std::int64_t start) {
    const std::int64_t length = logs_->length(log).value_or(0);
    if (length <= start) co_return result<void>();
    MARS_CO_TRY(const auto found,
                co_await block::scan_to_end(host_.env, logs_->path(log), static_cast<std::uint64_t>(start)));
    if (found.tail == block::LogTail::clean || found.stop.kind == format::ScanKind::unsupported)
        co_return result<void>();
    const auto end = static_cast<std::int64_t>(found.position);
    if (found.tail == block::LogTail::unreadable) { // what is there may have been acknowledged; replay stops before it
        host_.env.log().error("resource " + view_.name() + ": " + found.stop.problem +
                              "; next: check the disk below /mars (dmesg, smartctl)");
        note_damage(log, end, false);
        last_replay_ = outcome_of(log, found);
        replay_ended_at_ = host_.env.clock().steady();
        co_return result<void>();
    }
    const auto version = view_.version(log.seq, host_.me());
    const bool was_promised = log.host == host_.me() && version && version->log == log && end < version->length;
    const std::string what = "resource " + view_.name() + ": " + log.text() + " is whole up to byte " +
                             std::to_string(end) + " of " + std::to_string(length);
    if (was_promised && found.tail == block::LogTail::defect) { // acknowledged records are damaged: never cut these off
        host_.env.log().error(what + ", the records behind are damaged although " + std::to_string(version->length) +
                              " bytes had been acknowledged; next: check the disk below /mars. Members that have "
                              "fetched more are asked for what is damaged");
        note_damage(log, end, false);
        last_replay_ = outcome_of(log, found);
        co_return result<void>();
    }
    // A crash leaves the beginning of a record, seldom anything else: somebody may have what was there.
    constexpr std::int64_t kLongestRecord = 128 << 10;
    if (log.host == host_.me() && !was_promised &&
        (found.tail == block::LogTail::defect || length - end > kLongestRecord)) {
        host_.env.log().error(what + ": members are asked for what is damaged");
        note_damage(log, end, true);
        last_replay_ = outcome_of(log, found);
        co_return result<void>();
    }
    if (was_promised)
        host_.env.log().error(what + " although " + std::to_string(version->length) +
                              " bytes had been acknowledged: the disk below /mars has lost what it had called durable; "
                              "what is left of the record there is cut off");
    else
        host_.env.log().warning(what + "; the rest was never acknowledged and is cut off");
    MARS_CO_TRY_VOID(co_await logs_->cut(log, end));
    if (log.host == host_.me()) MARS_CO_TRY_VOID(positions_.correct_version(log, end));
    co_return result<void>();
}

// --- damaged logs
// -----------------------------------------------------------------------------------------------------

// What stopped replay is there until the log has been mended, fetched anew, or was given up; an I/O error may pass by
// itself, and is tried again after a while.
bool Controller::is_still_damaged() {
    if (logs_->length(*damaged_) != damaged_length_) return false;
    if (repair_.is_running() || !last_replay_.log_is_unreadable) return true;
    const auto since = host_.env.clock().steady() - replay_ended_at_;
    if (since >= kReplayRetry) return false;
    next_look_ = std::min(next_look_, kReplayRetry - since);
    return true;
}

env::task<bool> Controller::steer_repair(const Plan& plan) {
    if (damaged_ && !repair_.is_wanted()) next_look_ = std::min(next_look_, repair_.wait());
    if (!plan.repair || repair_.is_running()) co_return false;
    repair_.start(plan.log, plan.start, sources_of(plan), host_.tree.value("uuid"));
    co_return true;
}

void Controller::note_damage(const LogName& log, std::int64_t good_up_to, bool is_doubtful) {
    logs_->hide_behind(log, good_up_to, is_doubtful);
    if (is_doubtful) doubtful_ = log;
    damaged_ = log;
    damaged_length_ = logs_->length(log).value_or(0);
}

void Controller::forget_damage() {
    logs_->serve_again(*damaged_);
    if (doubtful_ == damaged_) doubtful_.reset();
    damaged_.reset();
    last_replay_ = {};
    repair_.forget();
}

env::task<void> Controller::take_mended_log() {
    auto log = *damaged_;
    auto released = co_await logs_->release(log);
    if (released && doubtful_ == log) released = positions_.correct_version(log, logs_->length(log).value_or(0));
    if (!released) { // it is looked at again
        host_.env.log().error("resource " + view_.name() + ": " + released.error().text);
        co_return;
    }
    host_.env.log().info("resource " + view_.name() + ": " + damaged_->text() + " is whole again");
    forget_damage();
}

// Nobody who could be asked has what is damaged, and nobody was ever told of it: like a torn end (transaction-log 8.5).
env::task<bool> Controller::cut_damage() {
    const auto log = *damaged_;
    const auto end = logs_->length(log).value_or(0);
    host_.env.log().warning("resource " + view_.name() + ": " + log.text() + " is cut off at byte " +
                            std::to_string(end) +
                            ", where damage begins: no member that could be asked has more of it" +
                            (repair_.trouble().empty() ? "" : " (" + repair_.trouble() + ")"));
    auto name = log;
    auto done = co_await logs_->cut(std::move(name), end);
    if (done) done = positions_.correct_version(log, end);
    if (!done) {
        say("err-replay-stop", done.error().text);
        co_return false;
    }
    forget_damage();
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
