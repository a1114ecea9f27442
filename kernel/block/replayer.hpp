// SPDX-License-Identifier: GPL-2.0-or-later
// Replayer: applies a range of a transaction log to the disk.
// Runs on: the resource's io_context. One run at a time. Refers to: the disk, which lives longer.
// Method: records are read and verified in log order and collected into portions; each portion is written in ascending
// order of the device, neighbours together, each byte once from its newest record, several requests in flight; then the
// disk is flushed and the position advances to the portion's end. Meanwhile the next portion is collected.
// Why that is right (spec: transaction-log 8.1): of overlapping writes only the newest of a portion is written, and
// portions do not overlap in time (TL-P1). A position that is told has everything before it flushed on the disk (TL-P2,
// TL-P3). What a crash leaves of a portion is healed by replaying from the last position, as any prefix of the log may
// be repeated (TL-P4). A portion ends before the first record with a defect (TL-P7). Between runs the disk is
// consistent: a stop never leaves a portion half applied; only a failing disk or a crash does. Spec: transaction-log 8.
// Tests: tests/unit/block/replayer_test.cpp, logger_crash_test.cpp.
#pragma once

#include <optional>
#include <string>

#include "kernel/block/device.hpp"
#include "kernel/block/extent_writer.hpp"
#include "kernel/block/log_reader.hpp"
#include "kernel/env/env.hpp"
#include "kernel/format/replay_code.hpp"

namespace mars::block {

struct ReplayOptions {
    Duration report_interval = std::chrono::seconds(2); // changed() is notified at most that often during a run
    std::uint64_t portion_bytes = 16 << 20;             // of the log; also bounds how long a stop takes
    std::size_t portion_records = 8192;
    bool accept_unchecked = false; // TL-G2
    ExtentWriterOptions requests;
};

// How a run ended.
struct ReplayResult {
    format::ReplayCode code;        // kFinished, kIncomplete, or a negative errno
    std::uint64_t position = 0;     // everything before is durable on the disk
    bool log_is_unreadable = false; // an I/O error of the filesystem that the log is on
    bool is_torn = false;           // what follows is a part of a record: it has to grow first
    std::string text;               // for people: why it ended early; "" when finished
};

struct ReplayCounters {
    std::uint64_t records = 0;
    std::uint64_t log_bytes = 0;
    std::uint64_t disk_bytes = 0; // written; less than the payloads where records overlap
};

class Replayer {
  public:
    Replayer(env::Env& env, Device& disk, ReplayOptions options);

    // Applies [start, end) of the log at `path`; both are record boundaries, as far as the writer is to be believed.
    // Ends early at the first record that is incomplete or damaged, when the disk or the log cannot be accessed, or
    // soon after request_stop(); a cancelled run ends like that, too. An incomplete record ends the run at once
    // (kIncomplete): the file is local and `end` is fixed, so waiting could not complete it; the next run does.
    env::task<ReplayResult> run(std::string path, std::uint64_t start, std::uint64_t end);
    // The run ends after the portion that is being applied. Stays in force until the next run begins.
    void request_stop();

    bool is_running() const { return is_running_; }
    // Everything before it is durable on the disk. Of the present or the last run.
    std::uint64_t position() const { return position_; }
    // The disk was touched by nothing behind it.
    std::uint64_t dirty_end() const { return dirty_end_; }
    // When the newest write that is durable on the disk had arrived at the primary; nullopt: none was applied yet.
    std::optional<Stamp> newest() const { return newest_; }
    const ReplayCounters& counters() const { return counters_; }
    // Notified when the position has advanced (rate-limited), and at the end of a run.
    env::Event& changed() { return changed_; }

  private:
    struct Portion;

    env::task<void> work(const std::string& path, std::uint64_t start, std::uint64_t end, ReplayResult& out);
    env::task<void> collect(LogReader& reader, Portion& portion);
    env::task<result<void>> apply(Portion& portion);
    void report();

    env::Env& env_;
    Device& disk_;
    ReplayOptions options_;
    bool is_running_ = false;
    bool stop_requested_ = false;
    std::uint64_t position_ = 0;
    std::uint64_t dirty_end_ = 0;
    Duration last_report_{0};
    std::optional<Stamp> newest_;
    ReplayCounters counters_;
    env::Event changed_;
};

} // namespace mars::block
