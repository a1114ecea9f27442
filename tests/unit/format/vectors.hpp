// SPDX-License-Identifier: GPL-2.0-or-later
// The eight records that every implementation of the format must read, as one logfile of 956 bytes. The first five are
// plain, one per kind of checksum; the last three are compressed with LZ4, ZLIB and LZO.
// Spec: transaction-log 15.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/stamp.hpp"
#include "kernel/format/digest.hpp"

namespace mars::format::vectors {

struct Vector {
    std::size_t at; // where the record begins in the file
    std::size_t total;
    Stamp stamp;
    std::int64_t pos;
    std::string payload;
    DigestKind kind;
    const char* digest; // 64 hex digits
};

// V1 … V8, in order.
const std::vector<Vector>& all();
inline constexpr std::size_t kPlain = 5; // the first so many are not compressed

// The file. Its SHA-256 is checked by a test.
std::vector<std::byte> file();

std::vector<std::byte> from_hex(std::string_view hex); // white space is ignored
std::string to_hex(std::span<const std::byte> bytes);
std::vector<std::byte> bytes_of(std::string_view text);

} // namespace mars::format::vectors
