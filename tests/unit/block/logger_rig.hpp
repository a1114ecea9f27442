// SPDX-License-Identifier: GPL-2.0-or-later
// LoggerRig: a simulated host with a disk, a resource directory and a Logger that can be started, stopped and crashed.
#pragma once

#include "kernel/block/disk.hpp"
#include "kernel/block/logger.hpp"
#include "kernel/block/replayer.hpp"
#include "tests/unit/block/rig.hpp"

namespace mars::test {

inline constexpr const char* kDirectory = "/mars/resource-r";
inline constexpr const char* kDisk = "/disks/d";

std::string log_path(std::int64_t seq);

struct LoggerRig : Rig {
    LoggerRig(std::uint64_t seed, std::uint64_t disk_bytes);
    ~LoggerRig();

    block::LoggerOptions options() const;
    // Opens the disk and a fresh log, and starts to log into it.
    void start(std::int64_t seq);
    void start(std::int64_t seq, block::LoggerOptions with);
    // Orderly end; returns what stop() said.
    result<void> stop();
    // Kills everything; with `power`, the storage loses what was not synced. Boots again.
    void crash(bool power);
    void open_disk();
    // Replays the log from `start` to its end; asserts that nothing but a torn or unwritten tail stopped it.
    block::ReplayResult replay(std::int64_t seq, std::uint64_t start);

    env::task<void> rotate(std::int64_t seq, result<void>& outcome);

    const std::vector<std::byte>& disk_content() { return *machine.filesystem().contents(kDisk); }

    std::uint64_t memory_limit = 64 << 20;
    std::unique_ptr<block::Disk> disk;
    std::unique_ptr<block::MemoryBudget> budget;
    std::unique_ptr<block::Logger> logger;

  private:
    void drop();
};

// A good record of a log, with a copy of its payload.
struct LoggedWrite {
    std::uint64_t pos;
    std::vector<std::byte> payload;
    std::uint64_t end; // in the log
};

// The good records of a log's bytes, in order. `stop`, if wanted: why there are no more.
std::vector<LoggedWrite> parse_log(const std::vector<std::byte>& bytes, format::ScanResult* stop = nullptr);
void apply_records(const std::vector<LoggedWrite>& records, std::vector<std::byte>& disk);

} // namespace mars::test
