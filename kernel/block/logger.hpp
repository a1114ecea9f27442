// SPDX-License-Identifier: GPL-2.0-or-later
// Logger: the write path of a primary. A Device over the disk whose writes are durable in the transaction log when they
// complete, and reach the disk later; reads mix what is buffered with what is on the disk.
// Runs on: the resource's io_context. Owns: the write buffer, the open logs (at most two), two tasks (log writer,
// writeback). Refers to: the disk and the memory budget, which live longer.
// Guarantees: acknowledged means durable; the log is totally ordered; LogProgress::min never passes what is durable on
// the disk. So flush() and FUA have nothing left to do (TL-D2, TL-D3), and nothing staged ever waits for more than the
// commit before it (TL-D4). Life: construct with an empty log; …; stop(); destroy. After stop() or a failure the
// positions remain readable. Only a crashed (simulated) host may drop a Logger without stop(). Spec: transaction-log
// 6, 9.4, 10, 11.1. Tests: tests/unit/block/logger_test.cpp, logger_crash_test.cpp.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernel/block/device.hpp"
#include "kernel/block/log_writer.hpp"
#include "kernel/block/write_buffer.hpp"
#include "kernel/block/writeback.hpp"
#include "kernel/env/task_group.hpp"
#include "kernel/format/replay_link.hpp"

namespace mars::block {

struct LoggerOptions {
    std::string resource;                        // for messages
    std::function<Stamp()> stamp;                // Lamport time, asked once per write
    std::function<format::KindMask()> checksums; // kinds that all hosts of the cluster know
    WritebackOptions writeback;
};

// Positions of one log. All are ends of records; min ≤ min + dirty ≤ durable ≤ end.
struct LogProgress {
    format::LogName log;
    std::uint64_t min = 0;     // everything before, and all earlier logs, is durable on the disk
    std::uint64_t dirty = 0;   // the disk was touched by nothing behind min + dirty
    std::uint64_t durable = 0; // what may be told and served to peers (TL-W8, TL-N4)
    std::uint64_t end = 0;     // behind the last record that was made

    bool operator==(const LogProgress&) const = default;
    // As it is published. Who tells a syncing peer that its metadata is fresh must have read this after being asked.
    format::ReplayLink replay_link() const;
};

struct LoggerCounters {
    std::uint64_t writes = 0;
    std::uint64_t written_bytes = 0;
    std::uint64_t reads = 0;
    std::uint64_t read_bytes = 0;
    std::uint64_t reads_from_buffer = 0; // without asking the disk
    Duration encode_time{0};
    CommitCounters commit;
    WritebackCounters writeback;
};

class Logger final : public Device {
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

    // Later writes go to `next`, an empty log with the following number. Waits while two logs are open (TL-L1). Returns
    // when the switch is done; the old log is written back and closed in the background.
    env::task<result<void>> switch_to(LogFile next);
    // Refuses new writes, completes those under way, writes everything back, closes the logs. Fails when not all of it
    // reached the disk (then min tells how far it came). Must not be cancelled. Once.
    env::task<result<void>> stop();

    // The lower one of the open logs: what is to be published (TL-N2).
    LogProgress progress() const { return progress_of(*logs_.front()); }
    // All open logs, the lower first.
    std::vector<LogProgress> open_logs() const;
    // Logs that were written back completely and closed since the last call: to be published before any later one.
    std::vector<LogProgress> take_finished() { return std::exchange(finished_, {}); }
    // How much of an open log may be served to peers; nullopt for other logs.
    std::optional<std::uint64_t> durable_length(const format::LogName& log) const;
    // Why this device does not work any more: the log or the disk failed.
    std::optional<failure> failed() const;
    bool is_log_failed() const { return log_writer_.failed().has_value(); }
    bool is_disk_failed() const { return writeback_.failed().has_value(); }
    LoggerCounters counters() const;
    // Memory in use, of the budget.
    std::uint64_t buffered_bytes() const { return buffer_.charge(); }
    // Notified after commits, at the begin and the end of writeback rounds, on rotation and failure.
    env::Event& changed() { return changed_; }

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
    LoggerCounters counters_;
    std::size_t active_writes_ = 0;
    bool stopping_ = false;
    env::Event changed_;
    env::Event idle_; // no write is active
    env::TaskGroup log_task_;
    env::TaskGroup writeback_task_;
};

} // namespace mars::block
