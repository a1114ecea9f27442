// SPDX-License-Identifier: GPL-2.0-or-later
// LogHealth: what is wrong with the logs here: torn ends that an earlier life has left, records that are damaged or
// cannot be read, how the last replay ended because of it. Runs on: the host's executor. Spec: transaction-log 8, R7.
// Tests: tests/unit/cluster/damaged_log_test.cpp, tests/unit/cluster/recovery_test.cpp.
#pragma once

#include <optional>
#include <string>

#include "kernel/block/log_reader.hpp"
#include "kernel/resource/context.hpp"
#include "kernel/resource/repair_engine.hpp"
#include "kernel/resource/replay_engine.hpp"

namespace mars::resource {

class LogHealth {
  public:
    // `repair`: what asks members for what is damaged.
    LogHealth(Context& context, RepairEngine& repair) : context_(context), repair_(repair) {}

    // Once, before anything else is done with the logs. Errors: those of the filesystem.
    env::task<result<void>> recover();
    // After members have been asked, and from time to time: an I/O error may pass by itself, members come and go.
    // `is_busy`: something works on the logs.
    env::task<void> settle(bool is_busy);

    // What was found out of a damaged log could not be told or stored: neither is tried again at once.
    bool is_pausing() const { return failed_at_ && context_.now() - *failed_at_ < kRetry; }

    std::optional<LogName> damaged() const { return damage_ ? std::optional(damage_->log) : std::nullopt; }
    // Its length up to there; 0 when there is none.
    std::int64_t damaged_from() const { return damage_ ? damage_->good_up_to : 0; }
    // How replay has ended: when the log is the reason, it counts as damaged from there on.
    void note_outcome(ReplayOutcome outcome);
    void forget_old_outcome();
    const ReplayOutcome& last_replay() const { return last_replay_; }
    // Why replay does not go on, for people.
    std::string replay_trouble() const;

    // What create-resource has written, and join-resource may have copied, says nothing of the log; the primary
    // replaces its own. Who has not got a byte of that log must do the same, or never becomes level.
    result<void> replace_zero_version();

  private:
    static constexpr Duration kRetry = std::chrono::seconds(5);
    struct Damage {
        LogName log;
        std::int64_t good_up_to = 0;
        std::uint64_t cuts = 0; // of the log, until it was noted
    };
    env::task<result<void>> examine(LogName log, bool is_recovery);
    std::int64_t promised_of(const LogName& log) const;
    bool has_asked_all() const;
    void note_damage(const LogName& log, std::int64_t good_up_to, ReplayOutcome why);
    void forget_damage();
    env::task<result<void>> end_damage(LogName log);

    Context& context_;
    RepairEngine& repair_;
    std::optional<Damage> damage_;
    ReplayOutcome last_replay_;
    std::string last_error_; // of a replay, as it was logged
    Duration examined_at_{};
    std::optional<Duration> failed_at_;
};

} // namespace mars::resource
