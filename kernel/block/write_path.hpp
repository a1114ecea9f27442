// SPDX-License-Identifier: GPL-2.0-or-later
// WritePath: what a primary writes through: a Device over the disk whose writes are durable in the transaction log when
// they complete, and reach the disk later. Who serves and publishes it knows no more than this. WritePathProvider: what
// begins one; the Logger (logger.hpp) does the work in this process.
// Runs on: the env's executor. Life: provider.start(); …; stop(); destroy. After stop() or a failure the positions
// remain readable. Spec: transaction-log 6, 9.4. Tests: tests/unit/block/logger_test.cpp,
// tests/unit/resource/append_engine_test.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernel/block/device.hpp"
#include "kernel/env/env.hpp"
#include "kernel/format/digest.hpp"
#include "kernel/format/replay_link.hpp"

namespace mars::block {

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

// Since the start.
struct WriteCounters {
    std::uint64_t writes = 0;
    std::uint64_t written_bytes = 0;
    std::uint64_t reads = 0;
    std::uint64_t read_bytes = 0;
    std::uint64_t reads_from_buffer = 0; // without asking the disk
    Duration encode_time{0};
    struct Commit {
        std::uint64_t commits = 0;
        std::uint64_t records = 0;
        std::uint64_t log_bytes = 0;
        Duration append_time{0};
        Duration sync_time{0};
    } commit;
    struct Writeback {
        std::uint64_t rounds = 0;
        std::uint64_t bytes = 0;
        Duration write_time{0};
        Duration sync_time{0};
    } writeback;

    // In one line, for the log; times are sums in µs.
    std::string text() const;
};

class WritePath : public Device {
  public:
    // Later writes go to `next`, which has the following number, and is empty or does not exist yet. Waits while two
    // logs are open (TL-L1). Returns when the switch is done; the old log is written back and closed in the background.
    virtual env::task<result<void>> rotate(format::LogName next) = 0;
    // Refuses new writes, completes those under way, writes everything back, closes the logs. Fails when not all of it
    // reached the disk (then min tells how far it came). Must not be cancelled. Once.
    virtual env::task<result<void>> stop() = 0;

    // All open logs (one, or two after a rotation), the lower first; of these, the first is to be published (TL-N2).
    virtual std::vector<LogProgress> open_logs() const = 0;
    // Logs that were written back completely and closed since the last call: to be published before any later one.
    virtual std::vector<LogProgress> take_finished() = 0;
    // Why this device does not work any more: the log or the disk failed.
    virtual std::optional<failure> failed() const = 0;
    // It was the log: nothing will ever be taken again.
    virtual bool is_log_failed() const = 0;
    virtual WriteCounters counters() const = 0;
    // Notified after commits, at the begin and the end of writeback rounds, on rotation and failure.
    virtual env::Event& changed() = 0;

    // The lower one of the open logs.
    LogProgress progress() const { return open_logs().front(); }
    // How much of an open log may be served to peers; nullopt for other logs.
    std::optional<std::uint64_t> durable_length(const format::LogName& log) const;
};

struct WritePathSetup {
    Device* disk = nullptr;                  // stays until stop()
    std::string resource;                    // for messages
    std::string directory;                   // of the logs
    format::LogName log;                     // the first one: empty, or made so when it does not exist
    std::function<Stamp()> stamp;            // Lamport time, asked once per write
    std::function<format::KindMask()> kinds; // checksums and compressions that records may have: all hosts know them
};

class WritePathProvider {
  public:
    virtual ~WritePathProvider() = default;

    // The names of the logs are durable when it returns. Errors: those of making the log.
    virtual env::task<result<std::unique_ptr<WritePath>>> start(WritePathSetup setup) = 0;
};

} // namespace mars::block
