// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/format/crc.hpp"

#include <array>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace mars::format {

namespace {

constexpr std::size_t kSlices = 8;
using Tables = std::array<std::array<std::uint32_t, 256>, kSlices>;

// Tables for eight bytes at a time: table[k][b] is the CRC of byte b followed by k zero bytes.
constexpr Tables make_tables(std::uint32_t reflected_polynomial) {
    Tables tables{};
    for (std::uint32_t b = 0; b < 256; ++b) {
        std::uint32_t crc = b;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? reflected_polynomial : 0);
        tables[0][b] = crc;
    }
    for (std::size_t k = 1; k < kSlices; ++k) {
        for (std::size_t b = 0; b < 256; ++b) {
            const std::uint32_t before = tables[k - 1][b];
            tables[k][b] = (before >> 8) ^ tables[0][before & 0xff];
        }
    }
    return tables;
}

constexpr Tables kCrc32cTables = make_tables(0x82F63B78);
constexpr Tables kCrc32Tables = make_tables(0xEDB88320);

std::uint64_t load_u64(const std::byte* from) {
    std::uint64_t value = 0;
    std::memcpy(&value, from, sizeof value);
    if constexpr (std::endian::native == std::endian::big) value = __builtin_bswap64(value);
    return value;
}

std::uint32_t update_tables(const Tables& t, std::uint32_t crc, std::span<const std::byte> data) {
    while (data.size() >= 8) {
        const std::uint64_t x = load_u64(data.data()) ^ crc;
        crc = t[7][x & 0xff] ^ t[6][(x >> 8) & 0xff] ^ t[5][(x >> 16) & 0xff] ^ t[4][(x >> 24) & 0xff] ^
              t[3][(x >> 32) & 0xff] ^ t[2][(x >> 40) & 0xff] ^ t[1][(x >> 48) & 0xff] ^ t[0][x >> 56];
        data = data.subspan(8);
    }
    for (const std::byte b : data) crc = (crc >> 8) ^ t[0][(crc ^ std::to_integer<std::uint32_t>(b)) & 0xff];
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t update_sse42(std::uint32_t crc, std::span<const std::byte> data) {
    std::uint64_t wide = crc;
    while (data.size() >= 8) {
        wide = _mm_crc32_u64(wide, load_u64(data.data()));
        data = data.subspan(8);
    }
    auto narrow = static_cast<std::uint32_t>(wide);
    for (const std::byte b : data) narrow = _mm_crc32_u8(narrow, std::to_integer<unsigned char>(b));
    return narrow;
}
#endif

bool detect_hardware() {
#if defined(__x86_64__)
    __builtin_cpu_init();
    return __builtin_cpu_supports("sse4.2") != 0;
#else
    return false;
#endif
}

const bool has_hardware = detect_hardware();

} // namespace

std::uint32_t crc32c(std::span<const std::byte> data) {
    return crc32c_extend(0, data);
}

std::uint32_t crc32c_extend(std::uint32_t crc, std::span<const std::byte> data) {
#if defined(__x86_64__)
    if (has_hardware) return ~update_sse42(~crc, data);
#endif
    return ~update_tables(kCrc32cTables, ~crc, data);
}

std::uint32_t crc32c_portable(std::span<const std::byte> data) {
    return ~update_tables(kCrc32cTables, ~0U, data);
}

bool crc32c_is_hardware() {
    return has_hardware;
}

std::uint32_t crc32_raw(std::span<const std::byte> data) {
    return update_tables(kCrc32Tables, 0, data);
}

} // namespace mars::format
