// SPDX-License-Identifier: GPL-2.0-or-later
// The digests with which fetch and sync compare data on two hosts: a strong one that decides (SHA-256), and a short and
// fast one that only finds out where the difference is (XXH3-128; it is no protection against intent).
// Pure functions. Complexity: linear; about 1.6 and 17 GB/s on one core. Tests: tests/unit/block/net_digests_test.cpp.
#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace mars::block {

using StrongDigest = std::array<std::byte, 32>;
using ShortDigest = std::array<std::byte, 16>;

StrongDigest sha256(std::span<const std::byte> data);
// In canonical (big-endian) byte order.
ShortDigest xxh3_128(std::span<const std::byte> data);
bool all_zero(std::span<const std::byte> data);

} // namespace mars::block
