// SPDX-License-Identifier: GPL-2.0-or-later
// Logger: the write path of a primary, in this process; reads mix what is buffered with what is on the disk.
// Runs on: the resource's io_context. Owns: the write buffer, the open logs (at most two), two tasks (log writer,
// writeback). Refers to: the disk and the memory budget, which live longer.
// Guarantees: acknowledged means durable; the log is totally ordered; LogProgress::min never passes what is durable on
// the disk. So flush() and FUA have nothing left to do (TL-D2, TL-D3), and nothing staged ever waits for more than the
// commit before it (TL-D4). Only a crashed (simulated) host may drop a Logger without stop(). Spec: transaction-log
// 6, 9.4, 10, 11.1. Tests: tests/unit/block/logger_test.cpp, logger_crash_test.cpp.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernel/block/log_writer.hpp"
#include "kernel/block/write_buffer.hpp"
#include "kernel/block/write_path.hpp"
#include "kernel/block/writeback.hpp"
#include "kernel/env/task_group.hpp"

namespace mars::block {

struct LoggerOptions {
    std::string resource;                    // for messages
    std::string directory;                   // where rotate() makes logs
    std::function<Stamp()> stamp;            // Lamport time, asked once per write
    std::function<format::KindMask()> kinds; // checksums and compressions that records may have: all hosts know them
    WritebackOptions writeback;
};

// A provider of Loggers, which share the memory of `budget`.
std::unique_ptr<WritePathProvider> make_logger_provider(env::Env& env, MemoryBudget& budget);

class Logger final : public WritePath {
  public:
    // Starts at once. `log` is empty (LogFile::create()).
    Logger(env::Env& env, Device& disk, MemoryBudget& budget, LogFile log, LoggerOptions options);
    ~Logger() override;

    std::uint64_t size() const override { return disk_.size(); }
    env::task<result<void>> read(std::uint64_t offset, std::span<std::byte> into) override;
    // Completes when the write and all before it are durable in the log. Errors: the log's (then all later writes fail,
    // too), errc::operation_canceled after stop(), the disk's when it has failed and no memory is left.
    // A cancelled write may or may not happen.
    env::task<result<void>> write(std::uint64_t offset, std::span<const std::byte> data, bool fua) override;
    env::task<result<void>> flush() override;

    // rotate() to a log that exists already.
    env::task<result<void>> switch_to(LogFile next);
    env::task<result<void>> rotate(format::LogName next) override;
    env::task<result<void>> stop() override;

    std::vector<LogProgress> open_logs() const override;
    std::vector<LogProgress> take_finished() override { return std::exchange(finished_, {}); }
    std::optional<failure> failed() const override;
    bool is_log_failed() const override { return log_writer_.failed().has_value(); }
    bool is_disk_failed() const { return writeback_.failed().has_value(); }
    WriteCounters counters() const override;
    env::Event& changed() override { return changed_; }
    // Memory in use, of the budget.
    std::uint64_t buffered_bytes() const { return buffer_.charge(); }

  private:
    class ActiveWrite;

    static LogProgress progress_of(const OpenLog& log);
    result<void> accepts_writes() const;
    env::task<result<void>> take_memory(std::uint64_t charge);
    bool is_too_much(std::uint64_t charge) const;
    std::size_t piece_bytes() const;
    env::task<void> close_logs();
    void on_commit();
    void on_writeback();
    void close_written_back();

    env::Env& env_;
    Device& disk_;
    MemoryBudget::Account account_;
    LoggerOptions options_;
    WriteBuffer buffer_;
    LogWriter log_writer_;
    Writeback writeback_;
    std::deque<std::shared_ptr<OpenLog>> logs_;
    std::vector<LogProgress> finished_;
    WriteCounters counters_;
    std::size_t active_writes_ = 0;
    bool stopping_ = false;
    env::Event changed_;
    env::Event idle_; // no write is active
    env::TaskGroup log_task_;
    env::TaskGroup writeback_task_;
};

} // namespace mars::block
