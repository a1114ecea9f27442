// SPDX-License-Identifier: GPL-2.0-or-later
// Records are written byte for byte as the format says, with a checksum that every reader accepts and that can tell
// payloads apart.
#include "kernel/format/log_record.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <openssl/evp.h>

#include "tests/unit/format/vectors.hpp"

using namespace mars::format;
using vectors::bytes_of;
using vectors::to_hex;

namespace {

constexpr KindMask bit(DigestKind kind) {
    return static_cast<KindMask>(kind);
}

// A payload whose MD5 begins with four zero bytes, found by search.
std::vector<std::byte> weak_md5_payload() {
    return bytes_of("MARS9b1174a3");
}

RecordFields fields_of(const vectors::Vector& v, std::uint32_t seq) {
    return {1, v.stamp, v.pos, seq};
}

} // namespace

TEST_CASE("the vector file is the documented one") {
    const auto file = vectors::file();
    std::array<std::byte, 32> sum{};
    REQUIRE(EVP_Digest(file.data(), file.size(), reinterpret_cast<unsigned char*>(sum.data()), nullptr, EVP_sha256(),
                       nullptr) == 1);
    CHECK(file.size() == 956);
    CHECK(to_hex(sum) == "d30cc092116b4216697ae0910ad1f971f355caecae2ed34153ad6ddfc85df431");
}

TEST_CASE("plain records are encoded byte for byte") {
    const auto file = vectors::file();
    std::vector<std::byte> log;
    for (std::size_t i = 0; i < vectors::kPlain; ++i) {
        const auto& v = vectors::all()[i];
        const auto payload = bytes_of(v.payload);
        append_record(fields_of(v, static_cast<std::uint32_t>(i + 1)), payload, make_sum(v.kind, payload), log);
        INFO("record " << i + 1);
        REQUIRE(log.size() == v.at + v.total);
        CHECK(to_hex(std::span(log).subspan(v.at)) == to_hex(std::span(file).subspan(v.at, v.total)));
    }
}

TEST_CASE("a record is encoded in place when its payload is there already") {
    const auto payload = bytes_of(std::string(512, 'x') + std::string(512, 'y'));
    std::vector<std::byte> expected;
    const RecordFields fields{1, {5, 6}, 1024, 9};
    append_record(fields, payload, make_sum(DigestKind::crc32c, payload), expected);

    std::vector<std::byte> buffer(2000, std::byte{0xee});
    const auto body = std::span(buffer).subspan(MARS_LOG_HEADER_BYTES, payload.size());
    std::copy(payload.begin(), payload.end(), body.begin());
    const auto written = encode_record(fields, body, make_sum(DigestKind::crc32c, body), buffer);
    REQUIRE(written == expected.size());
    CHECK(std::memcmp(buffer.data(), expected.data(), written) == 0);
    CHECK(buffer[written] == std::byte{0xee});
}

TEST_CASE("the C accessors return what they stored") {
    std::array<std::uint8_t, MARS_LOG_HEADER_BYTES> bytes{};
    const mars_log_header stored{-2, -3, -4, -5, -6, -7, -8};
    mars_log_store_header(bytes.data(), &stored);
    mars_log_header loaded{};
    mars_log_load_header(bytes.data(), &loaded);
    CHECK(std::memcmp(&stored, &loaded, sizeof stored) == 0);
    CHECK(bytes[MARS_LOG_VALID_AT] == 0);

    std::array<std::uint8_t, MARS_LOG_TRAILER_BYTES> tail{};
    mars_log_trailer t{0xfffffffe, 0x0204, {1, 2, 3, 4}, {5, 6}};
    t.sum[15] = 7;
    mars_log_store_trailer(tail.data(), &t);
    CHECK(tail[MARS_LOG_VALID_COPY_AT] == 0);
    mars_log_trailer u{};
    mars_log_load_trailer(tail.data(), &u);
    CHECK(u.seq == t.seq);
    CHECK(u.kinds == t.kinds);
    CHECK(std::memcmp(u.crc_old, t.crc_old, 4) == 0);
    CHECK(std::memcmp(u.sum, t.sum, 16) == 0);
}

TEST_CASE("the checksum is of the preferred usable kind") {
    const auto payload = bytes_of("MARS-compatible transaction log!");
    CHECK(choose_checksum(MARS_LOG_ALL_SUMS, payload)->kind == DigestKind::crc32c);
    CHECK(choose_checksum(bit(DigestKind::sha1), payload)->kind == DigestKind::sha1);
    CHECK(choose_checksum(0, payload)->kind == DigestKind::md5_old);
    CHECK(*choose_checksum(0, payload) == make_sum(DigestKind::md5_old, payload));
}

TEST_CASE("a fold of zero is avoided with SHA1, else with MD5_OLD") {
    const std::vector<std::byte> zeros(4096);
    CHECK(choose_checksum(MARS_LOG_ALL_SUMS, zeros)->kind == DigestKind::sha1);
    CHECK(choose_checksum(bit(DigestKind::crc32c) | bit(DigestKind::crc32), zeros)->kind == DigestKind::md5_old);
    CHECK(choose_checksum(bit(DigestKind::crc32) | bit(DigestKind::sha1), zeros)->kind == DigestKind::sha1);
    CHECK(choose_checksum(bit(DigestKind::md5), zeros)->kind == DigestKind::md5_old);
    const std::vector<std::byte> pattern(512, std::byte{0x55});
    CHECK(choose_checksum(MARS_LOG_ALL_SUMS, pattern)->kind == DigestKind::sha1);
}

TEST_CASE("an MD5_OLD of zero is never chosen") {
    const auto payload = weak_md5_payload();
    REQUIRE(is_weak(make_sum(DigestKind::md5_old, payload)));
    CHECK(choose_checksum(MARS_LOG_ALL_SUMS, payload)->kind == DigestKind::crc32c);
    CHECK(choose_checksum(bit(DigestKind::sha1), payload)->kind == DigestKind::sha1);
    CHECK_FALSE(choose_checksum(0, payload).has_value());
    CHECK_FALSE(choose_checksum(bit(DigestKind::md5_old), payload).has_value());
}
