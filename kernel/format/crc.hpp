// SPDX-License-Identifier: GPL-2.0-or-later
// The two 32 bit CRCs of MARS: CRC-32C (wire frames, log records, sync digests) and the raw CRC-32 of old log records.
// Pure functions, safe on any thread; they never fail and never allocate.
// Format: docs/formats/transaction-log.md, docs/formats/wire.md. Tests: tests/unit/format/crc_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace mars::format {

// CRC-32C (Castagnoli; reflected polynomial 0x82F63B78, start 0xFFFFFFFF, final inversion) of `data`, any length.
// crc32c("123456789") == 0xE3069283. Uses the SSE4.2 instruction when the CPU has it. Spec: transaction-log 3.2.
std::uint32_t crc32c(std::span<const std::byte> data);

// Continues crc32c(): crc32c_extend(crc32c(a), b) == crc32c(a followed by b). crc32c of nothing is 0.
std::uint32_t crc32c_extend(std::uint32_t crc, std::span<const std::byte> data);

// The same value as crc32c(), computed with tables only. For tests and for CPUs without the instruction.
std::uint32_t crc32c_portable(std::span<const std::byte> data);

// True when crc32c() runs on the CPU's own instruction.
bool crc32c_is_hardware();

// CRC-32 (reflected polynomial 0xEDB88320) that starts at 0 and is not inverted at the end: not zlib's value.
// crc32_raw("123456789") == 0x2DFD2D88, and any number of zero bytes gives 0. Spec: transaction-log 3.2.
std::uint32_t crc32_raw(std::span<const std::byte> data);

} // namespace mars::format
