// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/format/log_scan.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <utility>

#include "kernel/base/result.hpp"
#include "kernel/format/compression.hpp"
#include "kernel/format/log_record.hpp"

namespace mars::format {

namespace {

// The result codes are part of the format (they appear in replay-code), not this machine's errno values.
constexpr int kAgain = -11;      // EAGAIN: not all of the record is there
constexpr int kBadRequest = -56; // EBADRQC: not a record's end
constexpr int kBadMessage = -74; // EBADMSG: damaged
constexpr int kRestart = -85;    // ERESTART: header landed, the rest did not

// With fewer bytes than this a valid flag of 0 means "still being written".
constexpr std::size_t kFlagTrustBytes = MARS_LOG_OVERHEAD + 8;

const std::uint8_t* raw(const std::byte* bytes) {
    return reinterpret_cast<const std::uint8_t*>(bytes);
}

std::string hex(std::uint64_t value) {
    char text[24];
    std::snprintf(text, sizeof text, "0x%016llx", static_cast<unsigned long long>(value));
    return text;
}

// One record while it is being checked. Every check returns true when it found something wrong and put it in `result`.
struct Check {
    std::span<const std::byte> rest;
    std::uint32_t previous_seq;
    const ScanOptions& options;
    ScanResult result;
    ScannedRecord record;
    mars_log_header header{};
    mars_log_trailer trailer{};
    std::size_t body_bytes = 0;

    bool stop(ScanKind kind, int code, ScanDetail detail, std::string problem) {
        result.kind = kind;
        result.code = code;
        result.detail = detail;
        result.problem = std::move(problem);
        return true;
    }
    // The first detail that was noticed is the one that is told, even a tolerated one.
    bool corrupt(int code, ScanDetail detail, std::string problem) {
        return stop(ScanKind::corrupt, code, record.sequence_back ? ScanDetail::sequence_back : detail,
                    std::move(problem));
    }

    bool start();
    bool length();
    bool end_magic();
    bool valid_copy();
    bool sequence();
    bool plausible_lengths();
    bool decompression();
    bool checksum();
    bool values();
    bool device();
    void accept();
};

bool Check::start() {
    if (rest.size() <= MARS_LOG_OVERHEAD) {
        return stop(ScanKind::end_of_file, 0, ScanDetail::none,
                    "expected more than 84 bytes, found " + std::to_string(rest.size()));
    }
    const auto magic = mars_log_load_u64(raw(rest.data()));
    if (magic != MARS_LOG_START_MAGIC) {
        return corrupt(kBadMessage, ScanDetail::start_magic,
                       "expected start magic " + hex(MARS_LOG_START_MAGIC) + ", found " + hex(magic));
    }
    const auto version = std::to_integer<int>(rest[MARS_LOG_VERSION_AT]);
    if (version != MARS_LOG_VERSION) {
        return corrupt(kBadMessage, ScanDetail::format, "expected format version 1, found " + std::to_string(version));
    }
    if (rest[MARS_LOG_VALID_AT] == std::byte{0}) {
        const bool short_rest = rest.size() < kFlagTrustBytes;
        return stop(short_rest ? ScanKind::incomplete : ScanKind::corrupt, short_rest ? kAgain : kBadMessage,
                    ScanDetail::format, "expected the valid flag to be set, found 0");
    }
    return false;
}

bool Check::length() {
    mars_log_load_header(raw(rest.data()), &header);
    const int total = header.total_len;
    if (total == 0) return corrupt(kRestart, ScanDetail::zero_length, "expected a record length, found 0");
    if (total < 0) {
        return corrupt(kBadMessage, ScanDetail::negative_length,
                       "expected a record length, found " + std::to_string(total));
    }
    if (static_cast<std::size_t>(total) > rest.size()) {
        return stop(ScanKind::incomplete, kAgain, ScanDetail::too_long,
                    "expected " + std::to_string(total) + " bytes, found " + std::to_string(rest.size()));
    }
    if (total <= MARS_LOG_OVERHEAD) {
        return corrupt(kRestart, ScanDetail::too_short,
                       "expected a record length of at least 85, found " + std::to_string(total));
    }
    body_bytes = static_cast<std::size_t>(total) - MARS_LOG_OVERHEAD;
    return false;
}

bool Check::end_magic() {
    const auto* at = rest.data() + MARS_LOG_HEADER_BYTES + body_bytes;
    const auto magic = mars_log_load_u64(raw(at));
    if (magic == MARS_LOG_END_MAGIC) return false;
    const auto problem = "expected end magic " + hex(MARS_LOG_END_MAGIC) + ", found " + hex(magic);
    if (magic == 0) return corrupt(kRestart, ScanDetail::none, problem);
    if (std::all_of(at, at + 8, [at](std::byte b) { return b == *at; })) {
        result.byte = std::to_integer<std::uint8_t>(*at);
        return corrupt(kBadMessage, ScanDetail::end_magic_repeated, problem);
    }
    return corrupt(kBadRequest, ScanDetail::end_magic, problem);
}

bool Check::valid_copy() {
    const auto* at = raw(rest.data()) + MARS_LOG_HEADER_BYTES + body_bytes;
    mars_log_load_trailer(at, &trailer);
    const int copy = at[MARS_LOG_VALID_COPY_AT];
    if (copy == 1) return false;
    return corrupt(kBadMessage, ScanDetail::valid_copy,
                   "expected 1 as the copy of the valid flag, found " + std::to_string(copy));
}

bool Check::sequence() {
    if (previous_seq == 0 || trailer.seq == 0) return false;
    const std::uint32_t expected = previous_seq + 1;
    if (trailer.seq > expected) {
        return corrupt(kBadMessage, ScanDetail::sequence_gap,
                       "expected record number " + std::to_string(expected) + ", found " + std::to_string(trailer.seq));
    }
    record.sequence_back = trailer.seq <= previous_seq;
    return false;
}

bool Check::plausible_lengths() {
    if (header.len < 0) {
        return corrupt(kBadMessage, ScanDetail::bad_length,
                       "expected a body length of at least 1, found " + std::to_string(header.len));
    }
    const int payload = header.decompr_len;
    if (payload != 0 && (payload <= header.len || payload % MARS_LOG_SECTOR != 0)) {
        return corrupt(kBadMessage, ScanDetail::bad_decompressed_length,
                       "expected a decompressed length above " + std::to_string(header.len) +
                           " in multiples of 512, found " + std::to_string(payload));
    }
    if (static_cast<std::size_t>(header.len) > body_bytes) {
        return corrupt(kBadMessage, ScanDetail::wrong_checksum,
                       "expected a body length of at most " + std::to_string(body_bytes) + ", found " +
                           std::to_string(header.len));
    }
    return false;
}

bool Check::decompression() {
    const auto body = rest.subspan(MARS_LOG_HEADER_BYTES, static_cast<std::size_t>(header.len));
    record.payload = body;
    if (header.decompr_len == 0) return false;
    const KindMask kinds = static_cast<KindMask>(trailer.kinds) << MARS_LOG_KIND_SHIFT;
    const auto kind = preferred_compression(kinds);
    if (!kind)
        return corrupt(kBadMessage, ScanDetail::decompress_failed,
                       "expected a known compression kind for a compressed record, found kinds " + hex(kinds));
    const auto bytes = static_cast<std::size_t>(header.decompr_len);
    auto memory = std::make_shared_for_overwrite<std::byte[]>(bytes);
    if (!decompress(*kind, body, {memory.get(), bytes}))
        return corrupt(kBadMessage, ScanDetail::decompress_failed,
                       "expected " + std::to_string(bytes) + " bytes compressed with " +
                           std::string(compression_name(*kind)) + ", found something else");
    record.payload = {memory.get(), bytes};
    record.decompressed = std::move(memory);
    return false;
}

bool Check::checksum() {
    RecordSum found;
    std::memcpy(found.crc_old.data(), trailer.crc_old, sizeof trailer.crc_old);
    std::memcpy(found.folded.data(), trailer.sum, sizeof trailer.sum);
    const bool no_old_sum = found.crc_old == decltype(found.crc_old){};
    if (options.accept_unchecked && trailer.kinds == 0 && no_old_sum) {
        record.unchecked = true;
        return false;
    }
    const KindMask kinds = static_cast<KindMask>(trailer.kinds) << MARS_LOG_KIND_SHIFT;
    record.checksum = preferred_digest(kinds, record.payload.size());
    const bool old = record.checksum == DigestKind::md5_old;
    if (old && no_old_sum) {
        return corrupt(kBadMessage, ScanDetail::no_checksum, "expected a checksum, found none");
    }
    const auto expected = make_sum(record.checksum, record.payload);
    if (old ? found.crc_old == expected.crc_old : found.folded == expected.folded) return false;
    return corrupt(kBadMessage, ScanDetail::wrong_checksum,
                   "expected a payload that fits its " + std::string(digest_name(record.checksum)) +
                       " checksum, found another");
}

// What no checksum protects. A writer that follows the format never makes such values. Spec: transaction-log TL-C2.
bool Check::values() {
    const auto length = static_cast<std::size_t>(header.len);
    const auto taken = header.decompr_len == 0 ? length : padded_body_bytes(length);
    if (header.len == 0 || taken != body_bytes) {
        return corrupt(kBadMessage, ScanDetail::wrong_checksum,
                       "expected a body length of " + std::to_string(body_bytes) + ", found " +
                           std::to_string(header.len));
    }
    if (header.pos < 0) {
        return corrupt(kBadMessage, ScanDetail::wrong_checksum,
                       "expected a position of at least 0, found " + std::to_string(header.pos));
    }
    if (header.stamp_nsec < 0 || header.stamp_nsec >= kNsecPerSec) {
        return corrupt(kBadMessage, ScanDetail::wrong_checksum,
                       "expected nanoseconds below 1000000000, found " + std::to_string(header.stamp_nsec));
    }
    return false;
}

bool Check::device() {
    if (!options.device_bytes) return false;
    const auto pos = static_cast<std::uint64_t>(header.pos);
    const auto bytes = record.payload.size();
    if (pos % MARS_LOG_SECTOR != 0 || bytes % MARS_LOG_SECTOR != 0) {
        return corrupt(kBadMessage, ScanDetail::wrong_checksum,
                       "expected position and length in multiples of 512, found " + std::to_string(pos) + " and " +
                           std::to_string(bytes));
    }
    if (pos > *options.device_bytes || bytes > *options.device_bytes - pos) {
        return corrupt(kBadMessage, ScanDetail::wrong_checksum,
                       "expected a write within " + std::to_string(*options.device_bytes) + " bytes of device, found " +
                           std::to_string(bytes) + " bytes at " + std::to_string(pos));
    }
    return false;
}

void Check::accept() {
    record.start = result.position;
    record.end = result.position + static_cast<std::uint64_t>(header.total_len);
    record.code = header.code;
    record.stamp = {header.stamp_sec, header.stamp_nsec};
    record.pos = header.pos;
    record.seq = trailer.seq;
    result.kind = ScanKind::record;
    result.record = std::move(record);
}

} // namespace

ScanResult scan_record(std::span<const std::byte> rest, std::uint64_t position, std::uint32_t previous_seq,
                       const ScanOptions& options) {
    Check check{rest, previous_seq, options, {}, {}};
    check.result.position = position;
    const bool stopped = check.start() || check.length() || check.end_magic() || check.valid_copy() ||
                         check.sequence() || check.plausible_lengths() || check.decompression() || check.checksum() ||
                         check.values() || check.device();
    if (!stopped) check.accept();
    return std::move(check.result);
}

std::string_view detail_name(int detail) {
    switch (detail < 0 ? detail : -detail) {
    case -10000:
        return "NOSCAN";
    case -10001:
        return "SCAN_TIMEOUT";
    case -10002:
        return "SCAN_HOLE";
    case -10003:
        return "SCAN_FORMAT";
    case -10004:
        return "SCAN_ZERO";
    case -10005:
        return "SCAN_NEGATIVE";
    case -10006:
        return "SCAN_BADLEN";
    case -10007:
        return "SCAN_ADVANCE";
    case -10008:
        return "SCAN_RESTLEN";
    case -10009:
        return "SCAN_INCOMPL";
    case -10010:
        return "SCAN_SEQ_FW";
    case -10011:
        return "SCAN_SEQ_BW";
    case -10012:
        return "SCAN_SIZE";
    case -10013:
        return "SCAN_MAGIC";
    case -10020:
        return "MAGIC_BAD";
    case -10021:
        return "MAGIC_REPEATED";
    case -10029:
        return "SCAN_GARBAGE";
    case -10100:
        return "CRC_FLAGS";
    case -10101:
        return "CRC_MISMATCH";
    case -10150:
        return "DECOMPR_FAIL";
    case -10151:
        return "DECOMPR_TOOBIG";
    case -10152:
        return "DECOMPR_BADLEN";
    default:
        return "";
    }
}

std::string ScanResult::text() const {
    const auto at = "byte " + std::to_string(position);
    if (kind == ScanKind::record) return "record at " + at;
    if (kind == ScanKind::need_window) return "more bytes are needed from " + at;
    if (kind == ScanKind::finished) return "end of the log at " + at;
    std::string line = "log stops at " + at;
    if (code != 0) line += ", code " + std::to_string(code);
    if (detail != ScanDetail::none) {
        line += " (" + std::string(detail_name(static_cast<int>(detail))) + ")";
    }
    return line + ": " + problem;
}

LogScanner::LogScanner(std::uint64_t start, std::uint64_t end, ScanOptions options)
    : position_(start), end_(end), options_(options) {
    if (start > end) {
        panic("LogScanner: start " + std::to_string(start) + " behind the end " + std::to_string(end));
    }
}

std::size_t LogScanner::wanted_bytes() const {
    return static_cast<std::size_t>(std::min<std::uint64_t>(MARS_LOG_WINDOW, end_ - position_));
}

void LogScanner::feed(std::span<const std::byte> window) {
    rest_ = window.first(static_cast<std::size_t>(std::min<std::uint64_t>(window.size(), end_ - position_)));
    has_window_ = true;
    fresh_ = true;
}

void LogScanner::extend(std::uint64_t end) {
    end_ = std::max(end_, end);
}

ScanResult LogScanner::next() {
    ScanResult step;
    step.position = position_;
    if (position_ == end_) {
        step.kind = ScanKind::finished;
        return step;
    }
    if (!has_window_) {
        step.kind = ScanKind::need_window;
        return step;
    }
    auto found = scan_record(rest_, position_, last_seq_, options_);
    if (found.kind == ScanKind::record) {
        rest_ = rest_.subspan(static_cast<std::size_t>(found.record->end - position_));
        position_ = found.record->end;
        last_seq_ = found.record->seq;
        fresh_ = false;
        return found;
    }
    const bool too_little = found.kind == ScanKind::end_of_file || found.kind == ScanKind::incomplete;
    const bool window_is_to_blame = !fresh_ && position_ + rest_.size() < end_;
    has_window_ = false;
    rest_ = {};
    if (too_little && window_is_to_blame) {
        step.kind = ScanKind::need_window;
        return step;
    }
    return found;
}

} // namespace mars::format
