// SPDX-License-Identifier: GPL-2.0-or-later
// Every message survives a round trip, and no cut, extended or changed one is taken for another or reads out of bounds.
#include <catch2/catch.hpp>

#include <functional>

#include "kernel/block/fetch_messages.hpp"
#include "kernel/block/sync_messages.hpp"
#include "kernel/env/sim/world.hpp"
#include "kernel/format/crc.hpp"

using namespace mars;
using namespace mars::block;

namespace {

std::span<const std::byte> payload_of(const OutFrame& frame) {
    return std::span<const std::byte>(frame).subspan(format::kFrameHeaderBytes);
}

format::LogName name(std::int64_t seq, std::string host) {
    format::LogName log;
    log.seq = seq;
    log.host = std::move(host);
    return log;
}

ShortDigest short_digest(int value) {
    ShortDigest digest;
    digest.fill(static_cast<std::byte>(value));
    return digest;
}

StrongDigest strong_digest(int value) {
    StrongDigest digest;
    digest.fill(static_cast<std::byte>(value));
    return digest;
}

SyncBatch batch(std::uint64_t offset, std::uint32_t length) {
    SyncBatch b;
    b.offset = offset;
    b.length = length;
    return b;
}

struct Sample {
    const char* what;
    OutFrame frame;
    std::function<bool(std::span<const std::byte>)> parses;
};

std::vector<Sample> samples() {
    Hello hello;
    hello.host = "beta";
    hello.uuid = "alpha_1.0";
    hello.resource = "mydata";
    Welcome welcome;
    welcome.host = "alpha";
    welcome.uuid = "alpha_1.0";
    FetchRequest request;
    request.log = name(7, "alpha");
    request.offset = 100'000;
    request.checked_from = 30'000;
    request.tail = {short_digest(1), short_digest(2)};
    LogBegins begins;
    begins.log = name(7, "alpha");
    begins.offset = 5;
    begins.length = 50;
    LogEnds ends;
    ends.log = name(1000000000, "a-b");
    ends.length = 77;
    auto data = make_data_frame(10, 20, 7);
    data = seal_data(std::move(data));
    SyncRequest range{65536, 1 << 20};
    SegmentDigests digests;
    digests.batch = batch(65536, 65536 + 512);
    digests.digests = {strong_digest(1), strong_digest(2)};
    Verdict verdict;
    verdict.batch = digests.batch;
    verdict.different = 2;
    BlockDigests blocks;
    blocks.batch = digests.batch;
    blocks.segments = 2;
    blocks.digests = {short_digest(3)};
    SegmentPatch patch;
    patch.segment = 1;
    patch.digest = strong_digest(4);
    patch.different = 1;
    std::vector<std::byte> content(65536 + 512);
    return {
        {"hello", encode_hello(hello), [](auto p) { return parse_hello(p).has_value(); }},
        {"welcome", encode_welcome(welcome), [](auto p) { return parse_welcome(p).has_value(); }},
        {"text", encode_text(SessionMessage::refused, "no"), [](auto p) { return parse_text(p).has_value(); }},
        {"request", encode_request(request), [](auto p) { return parse_request(p).has_value(); }},
        {"begins", encode_begins(begins), [](auto p) { return parse_begins(p).has_value(); }},
        {"ends", encode_ends(ends), [](auto p) { return parse_ends(p).has_value(); }},
        {"conflict", encode_conflict({name(1, "a"), name(1, "b")}),
         [](auto p) { return parse_conflict(p).has_value(); }},
        {"absent", encode_absent(name(1, "a")), [](auto p) { return parse_absent(p).has_value(); }},
        {"shorter", encode_shorter(ends), [](auto p) { return parse_shorter(p).has_value(); }},
        {"sync request", encode_sync_request(range), [](auto p) { return parse_sync_request(p).has_value(); }},
        {"source", encode_source(5), [](auto p) { return parse_source(p).has_value(); }},
        {"digests", encode_digests(digests), [](auto p) { return parse_digests(p).has_value(); }},
        {"verdict", encode_verdict(verdict), [](auto p) { return parse_verdict(p).has_value(); }},
        {"blocks", encode_blocks(blocks), [](auto p) { return parse_blocks(p).has_value(); }},
        {"whole", encode_whole(verdict), [](auto p) { return parse_whole(p).has_value(); }},
        {"patch", encode_patch(digests.batch, {patch}, content), [](auto p) { return parse_patch(p).has_value(); }},
        {"data", std::move(data), [](auto p) { return parse_data(p).has_value(); }},
    };
}

} // namespace

TEST_CASE("messages: all samples parse; cut and extended ones do not") {
    for (auto& sample : samples()) {
        CAPTURE(sample.what);
        auto payload = payload_of(sample.frame);
        CHECK(sample.parses(payload));
        bool is_data = sample.what == std::string("data"); // its length is the frame's
        for (std::size_t cut = 0; cut < payload.size(); ++cut) {
            if (is_data && cut > 16) continue;
            std::vector<std::byte> part(payload.begin(), payload.begin() + static_cast<std::ptrdiff_t>(cut));
            CHECK(!sample.parses(part));
        }
        std::vector<std::byte> longer(payload.begin(), payload.end());
        longer.push_back(std::byte{0});
        if (!is_data) CHECK(!sample.parses(longer));
    }
}

TEST_CASE("messages: the bytes on the wire stay the same") { // of the payloads of samples(), in that order
    const std::vector<std::uint32_t> expected{0x9e987576, 0x783cb2a1, 0xc734c483, 0x787d2ceb, 0x56e41a98, 0x20dc4189,
                                              0xd49a38de, 0x2735e24c, 0x20dc4189, 0xd67bff92, 0xe4094dc0, 0x5fc43e80,
                                              0xcd38a6cf, 0x71a89080, 0xcd38a6cf, 0x2839fc7a, 0xf35e2785};
    std::vector<std::uint32_t> found;
    for (auto& sample : samples()) found.push_back(format::crc32c(payload_of(sample.frame)));
    CHECK(found == expected);
}

TEST_CASE("messages: random damage is refused or harmless") {
    env::sim::SeededRandom random(11);
    for (auto& sample : samples()) {
        auto payload = payload_of(sample.frame);
        for (int i = 0; i < 300; ++i) {
            std::vector<std::byte> damaged(payload.begin(), payload.end());
            for (int hits = 0; hits < 3; ++hits)
                damaged[random.below(damaged.size())] = static_cast<std::byte>(random.next());
            (void)sample.parses(damaged); // must not crash; the sanitizers watch
        }
    }
}

TEST_CASE("messages: fields arrive as they were sent") {
    FetchRequest request;
    request.log = name(7, "alpha");
    request.offset = 100'000;
    request.checked_from = 30'000;
    request.tail = {short_digest(1), short_digest(2)};
    auto frame = encode_request(request);
    CHECK(*parse_request(payload_of(frame)) == request);

    auto data = make_data_frame(10, 20, 7);
    data_of(data)[6] = std::byte{9};
    data = seal_data(std::move(data));
    auto parsed = parse_data(payload_of(data));
    REQUIRE(parsed);
    CHECK(parsed->offset == 10);
    CHECK(parsed->length == 20);
    REQUIRE(parsed->bytes.size() == 7);
    CHECK(parsed->bytes[6] == std::byte{9});
}

TEST_CASE("messages: names that could leave the directory are refused") {
    const std::vector<std::string> hosts{"", "../evil", "a/b", "-x", "a.b", std::string(64, 'x')};
    for (const std::string& host : hosts) {
        CAPTURE(host);
        auto frame = encode_absent(name(1, host));
        CHECK(!parse_absent(payload_of(frame)));
    }
    for (std::int64_t seq : {std::int64_t{0}, std::int64_t{-1}}) {
        auto frame = encode_absent(name(seq, "alpha"));
        CHECK(!parse_absent(payload_of(frame)));
    }
}

TEST_CASE("messages: data beyond the durable length is refused") {
    auto frame = seal_data(make_data_frame(10, 15, 7));
    CHECK(!parse_data(payload_of(frame)));
    frame = seal_data(make_data_frame(~std::uint64_t{0} - 3, ~std::uint64_t{0}, 7));
    CHECK(!parse_data(payload_of(frame)));
}

TEST_CASE("messages: a batch knows its segments and blocks up to the odd end") {
    auto b = batch(0, 65536 + 4096 + 512);
    CHECK(b.segments() == 2);
    CHECK(b.segment_length(0) == 65536);
    CHECK(b.segment_length(1) == 4608);
    CHECK(b.blocks(0) == 16);
    CHECK(b.blocks(1) == 2);
    CHECK(b.block_length(1, 0) == 4096);
    CHECK(b.block_length(1, 1) == 512);
    CHECK(b.all_segments() == 3);
    CHECK(b.all_blocks(0) == 0xffff);
    CHECK(b.all_blocks(1) == 3);
    CHECK(batch(0, kBatchBytes).all_segments() == 0xffff);
    Verdict outside;
    outside.batch = b;
    outside.different = 4;
    auto frame = encode_verdict(outside);
    CHECK(!parse_verdict(payload_of(frame)));
}

TEST_CASE("messages: a patch carries changed blocks, and zeros as a flag") {
    auto b = batch(131072, 2 * 65536);
    std::vector<std::byte> content(b.length);
    content[65536 + 3 * 4096] = std::byte{5};
    SegmentPatch patch;
    patch.segment = 1;
    patch.different = (1U << 3) | (1U << 7);
    patch.zero = 1U << 7;
    auto frame = encode_patch(b, {patch}, content);
    CHECK(frame.size() < 4096 + 100);
    auto parsed = parse_patch(payload_of(frame));
    REQUIRE(parsed);
    REQUIRE(parsed->segments.size() == 1);
    CHECK(parsed->segments[0].different == patch.different);
    CHECK(parsed->segments[0].zero == patch.zero);
    REQUIRE(parsed->data.size() == 4096);
    CHECK(parsed->data[0] == std::byte{5});
}

TEST_CASE("messages: a reason from a peer cannot steer a terminal") {
    auto frame = encode_text(SessionMessage::refused, "a\x1b[2Jb\nc");
    CHECK(*parse_text(payload_of(frame)) == "a [2Jb c");
}
