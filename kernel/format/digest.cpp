// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/format/digest.hpp"

#include <algorithm>
#include <openssl/evp.h>
#include <utility>

#include "kernel/base/late_library.hpp"
#include "kernel/base/result.hpp"
#include "kernel/format/crc.hpp"

namespace mars::format {

namespace {

// Most verbs of marsadm compute no digest.
constinit LateLibrary libcrypto("libcrypto.so.3", "libssl3");
MARS_LATE_FUNCTION(libcrypto, EVP_MD_fetch);
MARS_LATE_FUNCTION(libcrypto, EVP_MD_free);
MARS_LATE_FUNCTION(libcrypto, EVP_MD_CTX_new);
MARS_LATE_FUNCTION(libcrypto, EVP_MD_CTX_free);
MARS_LATE_FUNCTION(libcrypto, EVP_DigestInit_ex2);
MARS_LATE_FUNCTION(libcrypto, EVP_DigestUpdate);
MARS_LATE_FUNCTION(libcrypto, EVP_DigestFinal_ex);

constexpr std::size_t kMd5Bytes = 16;
constexpr std::size_t kSha1Bytes = 20;
constexpr std::size_t kPieces = 8;

// One algorithm of OpenSSL with its state, both reused for every digest of a thread.
class Hasher {
  public:
    // "-fips": these are checksums, not security, and must work where the system forbids MD5 for signatures.
    explicit Hasher(const char* name) : algorithm_(EVP_MD_fetch(nullptr, name, "-fips")), state_(EVP_MD_CTX_new()) {
        if (algorithm_ == nullptr || state_ == nullptr) {
            panic(std::string("the crypto library (OpenSSL) offers no ") + name);
        }
    }
    ~Hasher() {
        EVP_MD_CTX_free(state_);
        EVP_MD_free(algorithm_);
    }
    Hasher(const Hasher&) = delete;
    Hasher& operator=(const Hasher&) = delete;

    // Writes the digest of `data` to `to`, which has room for it.
    void run(std::span<const std::byte> data, std::byte* to) {
        const bool good = EVP_DigestInit_ex2(state_, algorithm_, nullptr) == 1 &&
                          EVP_DigestUpdate(state_, data.data(), data.size()) == 1 &&
                          EVP_DigestFinal_ex(state_, reinterpret_cast<unsigned char*>(to), nullptr) == 1;
        if (!good) panic("the crypto library (OpenSSL) failed to compute a digest");
    }

  private:
    EVP_MD* algorithm_;
    EVP_MD_CTX* state_;
};

void md5(std::span<const std::byte> data, std::byte* to) {
    thread_local Hasher hasher("MD5");
    hasher.run(data, to);
}

void sha1(std::span<const std::byte> data, std::byte* to) {
    thread_local Hasher hasher("SHA1");
    hasher.run(data, to);
}

// Eight CRCs of eight pieces; all but the last have size / 8 bytes, the last one takes the rest.
template<class Crc>
Digest crc_of_pieces(std::span<const std::byte> payload, Crc crc) {
    Digest whole{};
    const std::size_t piece_bytes = payload.size() / kPieces;
    for (std::size_t i = 0; i < kPieces; ++i) {
        const auto rest = payload.subspan(i * piece_bytes);
        const std::uint32_t value = crc(i + 1 < kPieces ? rest.first(piece_bytes) : rest);
        for (std::size_t b = 0; b < 4; ++b) whole[4 * i + b] = static_cast<std::byte>(value >> (8 * b));
    }
    return whole;
}

} // namespace

std::string_view digest_name(DigestKind kind) {
    switch (kind) {
    case DigestKind::md5_old:
        return "MD5_OLD";
    case DigestKind::md5:
        return "MD5";
    case DigestKind::crc32c:
        return "CRC32C";
    case DigestKind::crc32:
        return "CRC32";
    case DigestKind::sha1:
        return "SHA1";
    }
    return "unknown";
}

DigestKind preferred_digest(KindMask mask, std::size_t bytes) {
    for (const auto kind : kDigestPreference) {
        if (contains(mask, kind) && digest_is_defined(kind, bytes)) return kind;
    }
    return DigestKind::md5_old;
}

Digest digest(DigestKind kind, std::span<const std::byte> payload) {
    if (!digest_is_defined(kind, payload.size())) {
        panic("digest: MD5 in halves of an odd number of bytes, " + std::to_string(payload.size()));
    }
    Digest whole{};
    switch (kind) {
    case DigestKind::md5_old:
        md5(payload, whole.data());
        break;
    case DigestKind::md5:
        md5(payload.first(payload.size() / 2), whole.data());
        md5(payload.subspan(payload.size() / 2), whole.data() + kMd5Bytes);
        break;
    case DigestKind::crc32c:
        return crc_of_pieces(payload, crc32c);
    case DigestKind::crc32:
        return crc_of_pieces(payload, crc32_raw);
    case DigestKind::sha1:
        static_assert(kSha1Bytes <= sizeof(Digest));
        sha1(payload, whole.data());
        break;
    }
    return whole;
}

FoldedDigest fold(const Digest& whole) {
    FoldedDigest folded;
    for (std::size_t i = 0; i < folded.size(); ++i) folded[i] = whole[i] ^ whole[i + folded.size()];
    return folded;
}

bool is_zero(const FoldedDigest& folded) {
    return std::all_of(folded.begin(), folded.end(), [](std::byte b) { return b == std::byte{0}; });
}

std::string md5_hex(std::string_view text) {
    std::array<std::byte, kMd5Bytes> sum;
    md5(std::as_bytes(std::span(text)), sum.data());
    constexpr std::string_view digits = "0123456789abcdef";
    std::string hex;
    hex.reserve(2 * sum.size());
    for (const auto b : sum) {
        hex += digits[std::to_integer<std::size_t>(b >> 4)];
        hex += digits[std::to_integer<std::size_t>(b & std::byte{15})];
    }
    return hex;
}

} // namespace mars::format
