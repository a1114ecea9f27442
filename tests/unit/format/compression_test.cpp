// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/format/compression.hpp"

#include <catch2/catch.hpp>

#include <cstddef>
#include <random>
#include <vector>

#include "kernel/format/log_record.hpp"
#include "kernel/format/log_scan.hpp"

using namespace mars::format;

namespace {

using Buffer = std::vector<std::byte>;

Buffer text_of(std::size_t bytes) {
    Buffer text(bytes);
    for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<std::byte>("INSERT INTO accounts "[i % 21] + i / 512);
    return text;
}

Buffer noise_of(std::size_t bytes) {
    std::mt19937 random(1);
    Buffer noise(bytes);
    for (auto& byte : noise) byte = static_cast<std::byte>(random());
    return noise;
}

} // namespace

TEST_CASE("each kind gives back what it was given, in a record as well") {
    for (const auto kind : kCompressionPreference)
        for (const std::size_t bytes : {512U, 1024U, 3584U, 4096U}) {
            INFO(compression_name(kind) << ", " << bytes << " bytes");
            const auto payload = text_of(bytes);
            Buffer out(MARS_LOG_MAX_PAYLOAD), back(bytes);
            const auto length = compress(kind, payload, out);
            REQUIRE(length > 0);
            CHECK(padded_body_bytes(length) < bytes);
            const auto body = std::span(out).first(length);
            REQUIRE(decompress(kind, body, back));
            CHECK(back == payload);
            CHECK_FALSE(decompress(kind, body.first(length - 1), back));
            Buffer shorter(bytes - 1), longer(bytes + 1);
            CHECK_FALSE(decompress(kind, body, shorter));
            CHECK_FALSE(decompress(kind, body, longer));

            RecordFields fields;
            fields.pos = 8192;
            Buffer record(compressed_record_bytes(length));
            const auto sum = make_sum(DigestKind::crc32c, payload);
            CHECK(encode_compressed(fields, kind, body, bytes, sum, record) == record.size());
            const auto found = scan_record(record, 0, 0, {});
            REQUIRE(found.kind == ScanKind::record);
            CHECK(Buffer(found.record->payload.begin(), found.record->payload.end()) == payload);
            CHECK(found.record->pos == 8192);
        }
}

TEST_CASE("what does not become shorter, and what is no multiple of 512, stays plain") {
    Buffer out(MARS_LOG_MAX_PAYLOAD);
    for (const auto kind : kCompressionPreference) {
        CHECK(compress(kind, noise_of(4096), out) == 0);
        CHECK(compress(kind, text_of(1000), out) == 0);
        CHECK(compress(kind, {}, out) == 0);
    }
}

TEST_CASE("any bytes are safe to decompress") {
    std::mt19937 random(2);
    Buffer out(4096);
    for (const auto kind : kCompressionPreference)
        for (int i = 0; i < 2000; ++i) {
            Buffer body(1 + random() % 600);
            for (auto& byte : body) byte = static_cast<std::byte>(random());
            (void)decompress(kind, body, std::span(out).first(512 * (1 + random() % 8)));
        }
}

TEST_CASE("of several kinds the first in the order counts") {
    CHECK_FALSE(preferred_compression(MARS_LOG_ALL_SUMS));
    CHECK(preferred_compression(MARS_LOG_ALL_KINDS) == CompressionKind::lzo);
    CHECK(preferred_compression(MARS_LOG_KIND_ZLIB | MARS_LOG_KIND_LZ4) == CompressionKind::lz4);
    CHECK(preferred_compression(MARS_LOG_KIND_ZSTD) == CompressionKind::zstd);
}
