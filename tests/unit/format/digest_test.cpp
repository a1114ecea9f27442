// SPDX-License-Identifier: GPL-2.0-or-later
// All five digests have the bytes of the format; preference and folding are as written.
#include "kernel/format/digest.hpp"

#include <catch2/catch.hpp>

#include "tests/unit/format/vectors.hpp"

using namespace mars::format;
using vectors::bytes_of;
using vectors::to_hex;

TEST_CASE("the digests of all vectors") {
    for (const auto& v : vectors::all()) {
        INFO("record at " << v.at);
        CHECK(to_hex(digest(v.kind, bytes_of(v.payload))) == v.digest);
    }
}

TEST_CASE("pieces of a CRC digest: seven of size / 8 and the rest") {
    const auto payload = bytes_of("0123456789abcdef!");
    const auto whole = digest(DigestKind::crc32c, payload);
    const auto last = digest(DigestKind::crc32c, bytes_of("ef!"));
    // A payload below 8 bytes has seven empty pieces (CRC 0) and one with everything.
    CHECK(to_hex(std::span(whole).last(4)) == to_hex(std::span(last).last(4)));
    CHECK(to_hex(std::span(last).first(28)) == std::string(56, '0'));
}

TEST_CASE("the fold cancels for equal halves, but not with SHA1") {
    const std::vector<std::byte> zeros512(512);
    const std::vector<std::byte> zeros(4096);
    for (const auto kind : {DigestKind::crc32c, DigestKind::crc32, DigestKind::md5}) {
        INFO(digest_name(kind));
        CHECK(is_zero(fold(digest(kind, zeros))));
        CHECK(is_zero(fold(digest(kind, zeros512))));
        CHECK(is_zero(fold(digest(kind, bytes_of("abcdefghijklmnopabcdefghijklmnop")))));
    }
    CHECK(to_hex(fold(digest(DigestKind::sha1, zeros))) == "e7910820f40e531df3bfb26b4fb7cd95");
}

TEST_CASE("digests of nothing") {
    CHECK(to_hex(digest(DigestKind::md5_old, {})) ==
          "d41d8cd98f00b204e9800998ecf8427e00000000000000000000000000000000");
    CHECK(to_hex(digest(DigestKind::sha1, {})) == "da39a3ee5e6b4b0d3255bfef95601890afd80709000000000000000000000000");
    CHECK(digest(DigestKind::crc32c, {}) == Digest{});
}

TEST_CASE("the preferred digest is the first usable one in the order of preference") {
    const auto mask = [](auto... kinds) { return (static_cast<KindMask>(kinds) | ... | 0U); };
    using K = DigestKind;
    CHECK(preferred_digest(MARS_LOG_ALL_SUMS, 512) == K::crc32c);
    CHECK(preferred_digest(mask(K::crc32, K::md5, K::sha1), 512) == K::crc32);
    CHECK(preferred_digest(mask(K::md5, K::sha1, K::md5_old), 512) == K::md5);
    CHECK(preferred_digest(mask(K::md5, K::sha1), 511) == K::sha1);
    CHECK(preferred_digest(mask(K::md5), 511) == K::md5_old);
    CHECK(preferred_digest(0, 512) == K::md5_old);
    CHECK(preferred_digest(MARS_LOG_ALL_COMPRESSIONS, 512) == K::md5_old);
}

TEST_CASE("names of digests") {
    std::string names;
    for (const auto kind : kDigestPreference) names += std::string(digest_name(kind)) + " ";
    CHECK(names == "CRC32C CRC32 MD5 SHA1 MD5_OLD ");
}

TEST_CASE("MD5 of a text in hex") {
    CHECK(md5_hex("") == "d41d8cd98f00b204e9800998ecf8427e");
    CHECK(md5_hex("1,alpha,0:") == "25a4cf3b21e6d76a908d3184e9f5a315");
}
