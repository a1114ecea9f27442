// SPDX-License-Identifier: GPL-2.0-or-later
// LogScanner: reads the records of a transaction log, one by one, and tells exactly why it stops.
// Runs on: any thread, one at a time. Owns: the position and the number of the last record; no file, no buffer.
// Guarantees: looks at no byte outside the window, applies no tolerance of its own, never searches for a next record
// behind a bad one. Input is not trusted.
//
// How to drive it. The scanner works on windows that its caller reads from the file:
//
//     LogScanner scanner(start, end);               // start: a record boundary; end: the file's size now
//     for (;;) {
//         auto step = scanner.next();
//         if (step.kind == ScanKind::need_window) {
//             // Read up to scanner.wanted_bytes() bytes of the file at scanner.position(); fewer only at its end.
//             scanner.feed(window);                 // window stays alive and unchanged until the next feed
//         } else if (step.kind == ScanKind::record) {
//             … step.record …; its payload lies in the window
//         } else break;                             // finished, end_of_file, incomplete, corrupt
//     }
//
// A window may have any size; 128 KiB (MARS_LOG_WINDOW) is what readers use. A record that does not fit the rest of a
// window makes the scanner ask for a window that begins with it, so one record may be read twice, and only a record
// that is the first of its window can be found incomplete. A record's payload view dies with its window: who keeps
// writes in flight keeps the windows too. After a stop (any kind but record) position() is the start of the record
// that was not accepted, and the next call of next() asks for a fresh window there: a caller who waits for the file to
// grow calls extend() if the run's end moves, and goes on.
//
// Format: docs/formats/transaction-log.md. Tests: tests/unit/format/log_scan_test.cpp, fuzz: tests/fuzz/log_record/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "kernel/base/stamp.hpp"
#include "kernel/format/digest.hpp"
#include "kernel/format/log_record.h"

namespace mars::format {

// Detail codes: why a scan stopped, for people and scripts. Published negative. Spec: transaction-log 7.2, 7.3.
enum class ScanDetail : int {
    none = 0,
    no_scan = -10000,
    timeout = -10001,
    format = -10003, // wrong version, or the valid flag is 0
    zero_length = -10004,
    negative_length = -10005,
    too_long = -10006, // longer than what is there
    too_short = -10007,
    valid_copy = -10009,
    sequence_gap = -10010,
    sequence_back = -10011, // tolerated
    start_magic = -10013,
    end_magic = -10020,
    end_magic_repeated = -10021,
    no_checksum = -10100,
    wrong_checksum = -10101,
    decompress_failed = -10150,
    bad_length = -10151,
    bad_decompressed_length = -10152,
};

// The name that messages show, e.g. "SCAN_MAGIC" for −10013, also for the reserved codes; "" for an unknown code.
// `detail` may be given negative or positive.
std::string_view detail_name(int detail);

enum class ScanKind {
    record,      // one more good record
    need_window, // LogScanner only: feed a window first
    finished,    // position == end
    end_of_file, // at most 84 bytes are left, too few for a record
    incomplete,  // the record is longer than the file: it may still be growing
    corrupt,     // damaged, or a tail that was never written out: see code
};

// A good record.
struct ScannedRecord {
    std::uint64_t start = 0; // offsets in the file, bytes
    std::uint64_t end = 0;
    std::int16_t code = 0; // MARS_LOG_CODE_*; only WRITE_NEW is applied, all others are skipped (and passed, TL-C1)
    Stamp stamp;
    std::int64_t pos = 0;               // on the logical device
    std::span<const std::byte> payload; // in the window; of a compressed record in `decompressed`
    std::shared_ptr<const std::byte[]> decompressed;
    std::uint32_t seq = 0;
    DigestKind checksum = DigestKind::md5_old;
    bool unchecked = false;     // accepted without a checksum (ScanOptions::accept_unchecked)
    bool sequence_back = false; // its number is not above its predecessor's: tolerated, worth a warning
};

struct ScanResult {
    ScanKind kind = ScanKind::corrupt;
    int code = 0; // 0 or a negative errno: −11, −74, −85, −56, −95; what replay-code shows for corrupt ones
    ScanDetail detail = ScanDetail::none;
    std::optional<std::uint8_t> byte;    // the repeated byte of an overwritten end magic
    std::uint64_t position = 0;          // of the record that was looked at; see record.end for the next one
    std::string problem;                 // of a stop: "expected …, found …"
    std::optional<ScannedRecord> record; // iff kind == record

    // One line for an operator: where, the name of the detail code, what was expected and what was found.
    std::string text() const;
};

struct ScanOptions {
    // Take records without any checksum (kinds 0, crc_old 0), which releases before 0.1a-139 wrote. Never for a log
    // that was fetched from a peer. Spec: transaction-log TL-G2.
    bool accept_unchecked = false;
    // Size of the block device that is replayed to, bytes. When given, records outside of it or not in multiples of
    // 512 are corrupt. Spec: transaction-log TL-C2.
    std::optional<std::uint64_t> device_bytes;
};

// Looks at the record that begins at `rest`, which holds all bytes from `position` up to the end of the file or window.
// `previous_seq`: number of the record before, 0 = unknown. Never returns need_window or finished. Pure.
// The order of the checks is part of the format: each single damage gives its own code. Spec: transaction-log 7.2.
ScanResult scan_record(std::span<const std::byte> rest, std::uint64_t position, std::uint32_t previous_seq,
                       const ScanOptions& options);

class LogScanner {
  public:
    // Scans [start, end) of a file. start: a record boundary ≤ end, else aborts.
    LogScanner(std::uint64_t start, std::uint64_t end, ScanOptions options = {});

    // The next step; see above. Records come in file order without a gap.
    ScanResult next();

    // Offset in the file of the next record, and of the window that next() asks for.
    std::uint64_t position() const { return position_; }
    // Bytes that a window at position() should have: up to 128 KiB, up to `end`.
    std::size_t wanted_bytes() const;
    // Hands over the bytes of the file at position(). More than [position, end) is ignored; fewer than wanted_bytes()
    // means that the file ends there. Only after need_window.
    void feed(std::span<const std::byte> window);

    std::uint64_t end() const { return end_; }
    // Moves the end of the run, never downwards. The check of record numbers goes on.
    void extend(std::uint64_t end);
    // Number of the last record, 0 when none was read yet.
    std::uint32_t last_seq() const { return last_seq_; }

  private:
    std::uint64_t position_;
    std::uint64_t end_;
    ScanOptions options_;
    std::uint32_t last_seq_ = 0;
    std::span<const std::byte> rest_; // of the window, from position_ on
    bool has_window_ = false;
    bool fresh_ = false; // rest_ is the whole window, so a new one would not show more
};

} // namespace mars::format
