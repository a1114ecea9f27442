// SPDX-License-Identifier: GPL-2.0-or-later
// Digests of payloads: five kinds, each 32 bytes long. Log records carry them folded to 16 bytes, the sync compares
// them whole, version links use plain MD5. Pure functions, safe on any thread; the MD5 and SHA1 state of a thread is
// made at its first use and kept, so that digesting a record allocates nothing.
// Format: docs/formats/transaction-log.md. Tests: tests/unit/format/digest_test.cpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "kernel/format/log_record.h"

namespace mars::format {

// A set of checksum and compression kinds: bits MARS_LOG_KIND_*. Spec: transaction-log 3.1.
using KindMask = std::uint32_t;

enum class DigestKind : KindMask {
    md5_old = MARS_LOG_KIND_MD5_OLD,
    md5 = MARS_LOG_KIND_MD5,
    crc32c = MARS_LOG_KIND_CRC32C,
    crc32 = MARS_LOG_KIND_CRC32,
    sha1 = MARS_LOG_KIND_SHA1,
};

using Digest = std::array<std::byte, MARS_LOG_DIGEST_BYTES>;
using FoldedDigest = std::array<std::byte, MARS_LOG_SUM_BYTES>;

// All kinds, the best first: CRC32C, CRC32, MD5, SHA1, MD5_OLD. Spec: transaction-log 3.4.
inline constexpr std::array kDigestPreference{DigestKind::crc32c, DigestKind::crc32, DigestKind::md5, DigestKind::sha1,
                                              DigestKind::md5_old};

// "CRC32C", "MD5_OLD", …
std::string_view digest_name(DigestKind kind);

constexpr bool contains(KindMask mask, DigestKind kind) {
    return (mask & static_cast<KindMask>(kind)) != 0;
}

// False only for MD5 over an odd number of bytes, which has no definition. Spec: transaction-log 3.2.
constexpr bool digest_is_defined(DigestKind kind, std::size_t bytes) {
    return kind != DigestKind::md5 || bytes % 2 == 0;
}

// The first kind in the order of preference that is in `mask` and defined for `bytes` bytes; MD5_OLD when none is.
// Writers of logs want choose_checksum() in log_record.hpp, which also avoids weak results.
DigestKind preferred_digest(KindMask mask, std::size_t bytes);

// The digest of `payload`, any length. A kind that is not defined for it (see above) is a programming error: aborts.
// Spec: transaction-log 3.2.
Digest digest(DigestKind kind, std::span<const std::byte> payload);

// Both halves XORed: what a record's trailer holds for every kind but MD5_OLD. Spec: transaction-log 3.3.
FoldedDigest fold(const Digest& whole);

// True when every byte is 0. Such a fold is valid, but it fits every payload whose two halves are equal (TL-S2).
bool is_zero(const FoldedDigest& folded);

// MD5 of `text` as 32 lower case hex digits. Spec: symlink-tree 3.2.
std::string md5_hex(std::string_view text);

} // namespace mars::format
