// SPDX-License-Identifier: GPL-2.0-or-later
// LogWriter: makes staged writes durable. Group commit: one batch at a time is appended and synced, and everybody who
// waits for it is told; meanwhile the next batch fills.
// Runs on: the resource's io_context, one task of the Logger. Owns: nothing; the open logs belong to the Logger.
// Guarantees: records become durable in log order, also from one log to the next. After the first error of a log
// nothing is appended any more, to no log, and nothing is acknowledged (TL-W6). A failed sync is never retried. Spec:
// transaction-log 6, 10.4. Tests: tests/unit/block/logger_test.cpp.
#pragma once

#include <optional>

#include "kernel/block/write_buffer.hpp"
#include "kernel/block/write_path.hpp"
#include "kernel/env/env.hpp"

namespace mars::block {

class LogWriter {
  public:
    LogWriter(env::Env& env, WriteBuffer& buffer)
        : env_(env), buffer_(buffer), work_(env.lot()), committed_(env.lot()) {}

    // Commits until finish() was called and nothing is left, or until the log has failed.
    env::task<void> run();
    // There may be something to commit.
    void wake() { work_.notify(); }
    // Ends run() when everything staged is durable.
    void finish();

    bool is_committing() const { return is_committing_; }
    // Notified after every commit, and when run() ends.
    env::Event& committed() { return committed_; }
    // Why the log can take nothing any more.
    const std::optional<failure>& failed() const { return failed_; }
    const WriteCounters::Commit& counters() const { return counters_; }
    // Called after every commit, and on failure, before any writer of it resumes.
    std::function<void()> on_progress;

  private:
    env::task<result<void>> make_durable(Batch& batch);
    env::task<void> cut_failed(const Batch& batch);

    env::Env& env_;
    WriteBuffer& buffer_;
    env::Event work_;
    env::Event committed_;
    bool is_committing_ = false;
    bool finishing_ = false;
    std::optional<failure> failed_;
    WriteCounters::Commit counters_;
};

} // namespace mars::block
