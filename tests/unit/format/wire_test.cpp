// SPDX-License-Identifier: GPL-2.0-or-later
// Frames and fields survive the way over the wire, and damaged or hostile ones are refused without reading astray.
#include "kernel/format/wire.hpp"

#include <catch2/catch.hpp>
#include <cstring>

using namespace mars;
using namespace mars::format;

namespace {

std::vector<std::byte> bytes_of(std::string_view text) {
    auto view = std::as_bytes(std::span(text));
    return {view.begin(), view.end()};
}

std::span<const std::byte, kFrameHeaderBytes> head(const std::vector<std::byte>& frame) {
    return std::span<const std::byte, kFrameHeaderBytes>(frame.data(), kFrameHeaderBytes);
}

std::vector<std::byte> damaged(std::vector<std::byte> frame, std::size_t at, unsigned value) {
    frame.at(at) = static_cast<std::byte>(value);
    return frame;
}

// A message with one field of each kind.
std::vector<std::byte> sample_message() {
    Writer w;
    w.u8(200).u16(60000).u32(4000000000U).u64(0xfedcba9876543210U).i32(-5).i64(-6).boolean(true);
    w.string("name").bytes(bytes_of("\x01\x02")).stamp(Stamp{1700000000, 123456789}).u32(2).u16(7).u16(8);
    return w.take();
}

// Reads sample_message(); every cut of it must fail without reading outside.
bool read_sample(std::span<const std::byte> data) {
    Reader r(data);
    bool equal = r.u8() == 200;
    equal &= r.u16() == 60000;
    equal &= r.u32() == 4000000000U;
    equal &= r.u64() == 0xfedcba9876543210U;
    equal &= r.i32() == -5;
    equal &= r.i64() == -6;
    equal &= r.boolean();
    equal &= r.string(10) == "name";
    equal &= r.bytes(10).size() == 2;
    equal &= r.stamp() == Stamp{1700000000, 123456789};
    const auto n = r.count(100, 2);
    for (std::uint32_t i = 0; i < n; ++i) equal &= r.u16() == 7 + i;
    return r.finish("sample").has_value() && equal;
}

} // namespace

TEST_CASE("a frame has the documented bytes") {
    const auto frame = encode_frame(0x0203, bytes_of("123456789"));
    const std::array<unsigned char, 20> expected{'M', 'A', 'R', 'S', 1, 0, 3,    2,    9,    0,
                                                 0,   0,   0,   0,   0, 0, 0x83, 0x92, 0x06, 0xE3};
    REQUIRE(frame.size() == 29);
    CHECK(std::memcmp(frame.data(), expected.data(), expected.size()) == 0);
}

TEST_CASE("a frame is read back") {
    const auto payload = bytes_of("hello");
    const auto frame = encode_frame(77, payload);
    auto header = decode_header(head(frame));
    REQUIRE(header.has_value());
    CHECK(header->type == 77);
    CHECK(header->length == 5);
    CHECK(check_payload(*header, payload).has_value());
    CHECK(encode_frame(5, {}).size() == kFrameHeaderBytes);
}

TEST_CASE("a damaged frame header is refused with expected and found") {
    const auto frame = encode_frame(1, bytes_of("x"));
    struct Case {
        std::size_t at;
        unsigned value;
        std::errc code;
        const char* text;
    };
    const Case c = GENERATE(Case{0, 'm', std::errc::protocol_error, "expected magic 0x5352414d, found 0x5352416d"},
                            Case{4, 2, std::errc::protocol_not_supported, "expected protocol version 1, found 2"},
                            Case{12, 1, std::errc::protocol_error, "expected frame flags 0, found 0x00000001"},
                            Case{11, 1, std::errc::message_size, "at most 4194304 bytes, found a length of 16777217"});
    auto header = decode_header(head(damaged(frame, c.at, c.value)));
    REQUIRE_FALSE(header.has_value());
    CHECK(header.error().is(c.code));
    CHECK_THAT(header.error().text, Catch::Contains(c.text));
}

TEST_CASE("the largest payload is allowed, one more is not") {
    auto frame = encode_frame(1, std::vector<std::byte>(kMaxFramePayload));
    CHECK(decode_header(head(frame)).has_value());
    CHECK_FALSE(decode_header(head(damaged(frame, 8, 1))).has_value());
}

TEST_CASE("a damaged or short payload is refused") {
    const auto frame = encode_frame(1, bytes_of("payload"));
    auto header = decode_header(head(frame));
    REQUIRE(header.has_value());
    auto wrong = check_payload(*header, bytes_of("paYload"));
    REQUIRE_FALSE(wrong.has_value());
    CHECK(wrong.error().is(std::errc::bad_message));
    auto cut = check_payload(*header, bytes_of("payloa"));
    REQUIRE_FALSE(cut.has_value());
    CHECK(cut.error().is(std::errc::message_size));
}

TEST_CASE("fields of every kind are read back") {
    CHECK(read_sample(sample_message()));
}

TEST_CASE("a message cut anywhere fails cleanly") {
    const auto message = sample_message();
    for (std::size_t length = 0; length < message.size(); ++length) {
        // A copy of exact size, so that a sanitizer sees a read behind its end.
        const std::vector<std::byte> cut(message.begin(), message.begin() + static_cast<std::ptrdiff_t>(length));
        if (read_sample(cut)) FAIL("cut to " << length << " was accepted");
    }
    SUCCEED();
}

TEST_CASE("a message with one flipped byte never reads astray") {
    const auto message = sample_message();
    for (std::size_t at = 0; at < message.size(); ++at) {
        for (unsigned value : {0x00U, 0x01U, 0x7fU, 0x80U, 0xffU}) (void)read_sample(damaged(message, at, value));
    }
    SUCCEED();
}

TEST_CASE("bytes left over are an error") {
    const auto message = bytes_of("abc");
    Reader r(message);
    r.u16();
    CHECK(r.ok());
    CHECK_FALSE(r.at_end());
    auto end = r.finish("greeting");
    REQUIRE_FALSE(end.has_value());
    CHECK(end.error().text == "greeting: expected the end at byte 2, found 1 more bytes");
}

TEST_CASE("a failed reader stays failed, names the first problem and returns nothing") {
    Writer w;
    w.u32(1000).u32(1);
    const auto message = w.take();
    Reader r(message);
    CHECK(r.string(100).empty());
    CHECK_FALSE(r.ok());
    CHECK(r.u32() == 0);
    CHECK(r.count(10, 1) == 0);
    CHECK(r.stamp() == Stamp{});
    CHECK_FALSE(r.boolean());
    CHECK(r.offset() == 4);
    CHECK(r.finish("m").error().text == "m: expected at most 100 bytes at byte 4 of 8, found a length of 1000");
}

TEST_CASE("a length beyond the data is refused even when the limit allows it") {
    Writer w;
    w.u32(0xffffffff);
    const auto message = w.take();
    Reader r(message);
    CHECK(r.bytes(SIZE_MAX).empty());
    CHECK_FALSE(r.ok());
}

TEST_CASE("a count is bounded by the limit and by the bytes that are left") {
    Writer w;
    w.u32(3).u32(0);
    const auto message = w.take();
    Reader few(message);
    CHECK(few.count(2, 1) == 0);
    CHECK_FALSE(few.ok());
    Reader fits(message);
    CHECK(fits.count(3, 1) == 3);
    CHECK(fits.ok());
    Reader larger(message);
    CHECK(larger.count(3, 2) == 0);
    CHECK_FALSE(larger.ok());
}

TEST_CASE("booleans and nanoseconds are checked") {
    Writer w;
    w.u8(2);
    auto message = w.take();
    Reader flag(message);
    CHECK_FALSE(flag.boolean());
    CHECK_FALSE(flag.ok());
    Writer v;
    v.i64(1).u32(1000000000);
    message = v.take();
    Reader stamp(message);
    CHECK(stamp.stamp() == Stamp{});
    CHECK_FALSE(stamp.ok());
}
