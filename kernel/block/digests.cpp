// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/block/digests.hpp"

#include <openssl/sha.h>

#include <cstring>

#include <xxhash.h>

namespace mars::block {

StrongDigest sha256(std::span<const std::byte> data) {
    StrongDigest digest;
    SHA256(reinterpret_cast<const unsigned char*>(data.data()), data.size(),
           reinterpret_cast<unsigned char*>(digest.data()));
    return digest;
}

ShortDigest xxh3_128(std::span<const std::byte> data) {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(data.data(), data.size()));
    ShortDigest digest;
    static_assert(sizeof canonical == sizeof digest);
    std::memcpy(digest.data(), &canonical, sizeof digest);
    return digest;
}

bool all_zero(std::span<const std::byte> data) {
    // The first byte is zero, and each byte equals its successor.
    return data.empty() || (data[0] == std::byte{0} && std::memcmp(data.data(), data.data() + 1, data.size() - 1) == 0);
}

} // namespace mars::block
