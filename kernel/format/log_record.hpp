// SPDX-License-Identifier: GPL-2.0-or-later
// LogRecord: makes the records of a transaction log (the primary's hot path) and chooses their checksums.
// Pure functions, safe on any thread; no I/O, no allocation but the vector's. Reading is in log_scan.hpp.
// A record is written in two steps: choose_checksum() for the payload, then encode_record() into the log buffer.
// Format: docs/formats/transaction-log.md, layout: log_record.h. Tests: tests/unit/format/log_record_test.cpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kernel/base/stamp.hpp"
#include "kernel/format/compression.hpp"
#include "kernel/format/digest.hpp"
#include "kernel/format/log_record.h"

namespace mars::format {

// What a record says about its payload.
struct RecordFields {
    std::int16_t code = MARS_LOG_CODE_WRITE_NEW;
    Stamp stamp;           // Lamport time at which the write request arrived
    std::int64_t pos = 0;  // bytes from the start of the logical device
    std::uint32_t seq = 1; // number of the record in its file: 1 for the first, wraps
};

// The checksum of one payload, as the trailer holds it.
struct RecordSum {
    DigestKind kind = DigestKind::md5_old;
    std::array<std::byte, 4> crc_old{}; // MD5_OLD only
    FoldedDigest folded{};              // all kinds but MD5_OLD

    bool operator==(const RecordSum&) const = default;
};

// The checksum of exactly this kind, good or weak. MD5 over an odd number of bytes aborts. Spec: transaction-log 3.3.
RecordSum make_sum(DigestKind kind, std::span<const std::byte> payload);

// True for an MD5_OLD of 0 and for a fold that is all zero. Readers refuse the first (TL-S1) and accept the second,
// which however does not tell one payload of equal halves from another (TL-S2).
bool is_weak(const RecordSum& sum);

// The checksum to log `payload` with. `usable`: the kinds that all hosts of the cluster know, minus the disabled ones;
// MD5_OLD is always possible. Takes the preferred kind; when its fold is all zero, SHA1 or else MD5_OLD; never an
// MD5_OLD of 0. nullopt when nothing but such an MD5_OLD is left (one payload in 2^32, only while no other kind is
// usable): the caller then logs the payload as two records, cut anywhere. Spec: transaction-log 3.4, TL-S1, TL-S2.
std::optional<RecordSum> choose_checksum(KindMask usable, std::span<const std::byte> payload);

// Bytes of the record for a payload of `payload_bytes`.
constexpr std::size_t record_bytes(std::size_t payload_bytes) {
    return payload_bytes + MARS_LOG_OVERHEAD;
}

// Writes a plain record to the start of `out` and returns its length, record_bytes(payload.size()). The valid bytes
// are stored last. `payload` may lie in `out` at offset MARS_LOG_HEADER_BYTES already: then its bytes stay where
// they are; otherwise it must not overlap `out`. `sum` must be the payload's (not checked).
// Aborts on what no caller may ask for: a payload of 0 or more than 4096 bytes, `out` too short, a position below 0
// or a payload that crosses a 64 KiB boundary of the device, nanoseconds out of range. Spec: transaction-log 2, 6.
std::size_t encode_record(const RecordFields& fields, std::span<const std::byte> payload, const RecordSum& sum,
                          std::span<std::byte> out);

// The same for a payload of `payload_bytes` that compress() has made `body` of. Returns compressed_record_bytes().
std::size_t encode_compressed(const RecordFields& fields, CompressionKind kind, std::span<const std::byte> body,
                              std::size_t payload_bytes, const RecordSum& sum, std::span<std::byte> out);

constexpr std::size_t compressed_record_bytes(std::size_t body_bytes) {
    return padded_body_bytes(body_bytes) + MARS_LOG_OVERHEAD;
}

// Appends the record to `log`. Same rules; `payload` must not lie in `log`.
void append_record(const RecordFields& fields, std::span<const std::byte> payload, const RecordSum& sum,
                   std::vector<std::byte>& log);

} // namespace mars::format
