// SPDX-License-Identifier: GPL-2.0-or-later
// LogReader: the records of a local logfile one by one, with their payloads in shared memory.
// Runs on: the resource's io_context. Owns: the open file, one window of it (1 MiB: larger than what the format asks
// for, which changes no result). Spec: transaction-log 7. scan_to_end(): what a crashed primary's last log is worth.
// Tests: tests/unit/block/replayer_test.cpp.
#pragma once

#include <memory>
#include <string>

#include "kernel/block/extent_map.hpp"
#include "kernel/env/env.hpp"
#include "kernel/format/log_scan.hpp"

namespace mars::block {

class LogReader {
  public:
    // Will read [start, end) of the log at `path`; start is a record boundary. What the file has now is durable when
    // this returns, so that nobody acts on records that a power cut could still take back. Errors: those of opening and
    // syncing it; errc::bad_file_descriptor when the file ends before `start` (spec: 8.4, "bad").
    static env::task<result<std::unique_ptr<LogReader>>> open(env::Env& env, std::string path, std::uint64_t start,
                                                              std::uint64_t end, format::ScanOptions options);

    // The next record, or why there is none; never need_window. Failures are those of reading the file.
    env::task<result<format::ScanResult>> next();
    // Shares the payload of the record that next() returned last.
    Piece share(const format::ScannedRecord& record) const;
    // Where the next record begins.
    std::uint64_t position() const { return scanner_.position(); }

  private:
    LogReader(std::uint64_t start, std::uint64_t end, format::ScanOptions options) : scanner_(start, end, options) {}
    env::task<result<void>> read_window();

    std::unique_ptr<env::File> file_;
    format::LogScanner scanner_;
    std::shared_ptr<std::byte> window_;
};

// What follows the last good record of a log.
enum class LogTail {
    clean,      // nothing
    torn,       // a part of a record: the file ends too early
    defect,     // bytes that are no record
    unreadable, // the filesystem gives an I/O error; everything up to a window (1 MiB) before the place counts so
};

struct LogEnd {
    std::uint64_t position = 0; // the end of the last good record
    LogTail tail = LogTail::clean;
    format::ScanResult stop;   // details, if not clean; of `unreadable` only the problem
    std::uint64_t records = 0; // good ones, from the start of the scan
};

// Checks the log from the record boundary `start` up to its size. Applies nothing. Failures are those of the
// filesystem, but for reads.
env::task<result<LogEnd>> scan_to_end(env::Env& env, std::string path, std::uint64_t start,
                                      format::ScanOptions options = {});

} // namespace mars::block
