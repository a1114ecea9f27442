// SPDX-License-Identifier: GPL-2.0-or-later
// ReplayEngine: runs one Replayer at a time and keeps how it ended. Owns: the Replayer and its task.
#pragma once

#include <memory>
#include <string>

#include "kernel/block/limiter.hpp"
#include "kernel/block/replayer.hpp"
#include "kernel/env/task_group.hpp"
#include "kernel/format/replay_link.hpp"
#include "kernel/resource/decide.hpp"
#include "kernel/resource/signal.hpp"

namespace mars::resource {

// How a run ended, and of which log.
struct ReplayOutcome {
    LogName log;
    format::ReplayCode code;
    bool log_is_unreadable = false; // an I/O error of the filesystem that the log is on
    bool is_torn = false;           // a part of a record follows
    std::int64_t position = 0;      // everything before is on the disk
    std::string text;               // for people; empty when it finished
};

class ReplayEngine {
  public:
    ReplayEngine(env::Env& env, Signal& signal) : env_(env), signal_(signal), tasks_(env) {}

    void start(block::Device& disk, std::string path, LogName log, std::int64_t start, std::int64_t end);
    // Ends the run soon; its outcome is there afterwards.
    env::task<void> stop();

    bool is_running() const { return is_running_; }
    bool has_ended() const { return replayer_ && !is_running_; }
    // The outcome of the ended run; there is none any more afterwards.
    env::task<ReplayOutcome> take_outcome();
    const LogName& log() const { return log_; }
    // What is on the disk durably, and what may have been touched.
    format::ReplayLink position() const;
    std::int64_t end() const;
    // When the newest write of this run that is on the disk had arrived at the primary.
    std::optional<Stamp> newest() const { return replayer_ ? replayer_->newest() : std::nullopt; }
    block::Limiter& rate() { return rate_; }

  private:
    env::task<void> run(std::string path, std::int64_t start);
    env::task<void> follow();

    env::Env& env_;
    Signal& signal_;
    LogName log_;
    std::int64_t end_ = 0;
    bool is_running_ = false;
    std::unique_ptr<block::Replayer> replayer_;
    block::ReplayResult result_;
    block::Limiter rate_;
    env::TaskGroup tasks_;
};

} // namespace mars::resource
