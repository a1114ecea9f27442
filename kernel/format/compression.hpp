// SPDX-License-Identifier: GPL-2.0-or-later
// Compression of the payloads of log records: LZO, LZ4 and ZLIB as releases of 0.1a know them, and ZSTD. Each payload
// by itself, without a header of its own. Safe on any thread; what the libraries need of memory is kept per thread.
// Spec: transaction-log 4. Tests: tests/unit/format/compression_test.cpp.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "kernel/format/digest.hpp"

namespace mars::format {

enum class CompressionKind : KindMask {
    lzo = MARS_LOG_KIND_LZO,   // a raw LZO1X stream
    lz4 = MARS_LOG_KIND_LZ4,   // a raw LZ4 block
    zlib = MARS_LOG_KIND_ZLIB, // RFC 1950, level 3
    zstd = MARS_LOG_KIND_ZSTD, // one frame, level 1; not known to 0.1a
};

// In the order in which a writer takes them, and a reader where several bits are set. Spec: transaction-log 4, TL-Z3.
inline constexpr std::array kCompressionPreference{CompressionKind::lzo, CompressionKind::lz4, CompressionKind::zlib,
                                                   CompressionKind::zstd};

// "LZO", "LZ4", …
std::string_view compression_name(CompressionKind kind);

// The first kind in `mask`.
std::optional<CompressionKind> preferred_compression(KindMask mask);

// What a compressed body of `bytes` takes in a record.
constexpr std::size_t padded_body_bytes(std::size_t bytes) {
    return (bytes + 7) / 8 * 8;
}

// Compresses `payload`, at most 4096 bytes, into `out`, at least as long; returns the number of bytes. 0: it does not
// pay, the record is to be plain (TL-Z1, TL-Z2).
std::size_t compress(CompressionKind kind, std::span<const std::byte> payload, std::span<std::byte> out);

// Decompresses `body` into `out`. True when it yields exactly out.size() bytes and all of `body` was of use. Any bytes
// are safe.
bool decompress(CompressionKind kind, std::span<const std::byte> body, std::span<std::byte> out);

} // namespace mars::format
