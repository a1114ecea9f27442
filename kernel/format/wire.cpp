// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/format/wire.hpp"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <type_traits>

#include "kernel/format/crc.hpp"

namespace mars::format {

namespace {

constexpr std::int64_t kMaxNsec = 999'999'999;

template<class Int>
void store(std::byte* to, Int value) {
    auto bits = static_cast<std::make_unsigned_t<Int>>(value);
    for (std::size_t i = 0; i < sizeof(Int); ++i) {
        to[i] = static_cast<std::byte>(static_cast<std::uint64_t>(bits) >> (8 * i));
    }
}

template<class Int>
Int load(const std::byte* from) {
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < sizeof(Int); ++i) bits |= std::to_integer<std::uint64_t>(from[i]) << (8 * i);
    return static_cast<Int>(bits);
}

std::string hex(std::uint32_t value) {
    char text[16];
    std::snprintf(text, sizeof text, "0x%08x", value);
    return text;
}

} // namespace

std::array<std::byte, kFrameHeaderBytes> encode_header(std::uint16_t type, std::span<const std::byte> payload) {
    if (payload.size() > kMaxFramePayload) {
        panic("encode_header: payload of " + std::to_string(payload.size()) + " bytes, at most " +
              std::to_string(kMaxFramePayload) + " are allowed");
    }
    std::array<std::byte, kFrameHeaderBytes> bytes{};
    store(&bytes[0], kFrameMagic);
    store(&bytes[4], kProtocolVersion);
    store(&bytes[6], type);
    store(&bytes[8], static_cast<std::uint32_t>(payload.size()));
    store(&bytes[12], std::uint32_t{0});
    store(&bytes[16], crc32c(payload));
    return bytes;
}

std::vector<std::byte> encode_frame(std::uint16_t type, std::span<const std::byte> payload) {
    const auto header = encode_header(type, payload);
    std::vector<std::byte> frame(header.size() + payload.size());
    std::copy(payload.begin(), payload.end(), std::copy(header.begin(), header.end(), frame.begin()));
    return frame;
}

result<FrameHeader> decode_header(std::span<const std::byte, kFrameHeaderBytes> bytes) {
    FrameHeader header;
    header.magic = load<std::uint32_t>(&bytes[0]);
    header.version = load<std::uint16_t>(&bytes[4]);
    header.type = load<std::uint16_t>(&bytes[6]);
    header.length = load<std::uint32_t>(&bytes[8]);
    header.flags = load<std::uint32_t>(&bytes[12]);
    header.payload_crc = load<std::uint32_t>(&bytes[16]);
    if (header.magic != kFrameMagic) {
        return failure(std::errc::protocol_error, "the peer does not speak the MARS protocol: expected magic " +
                                                      hex(kFrameMagic) + ", found " + hex(header.magic));
    }
    if (header.version != kProtocolVersion) {
        return failure(std::errc::protocol_not_supported,
                       "expected protocol version " + std::to_string(kProtocolVersion) + ", found " +
                           std::to_string(header.version) + "; run the same release of marsd on all hosts");
    }
    if (header.flags != 0) {
        return failure(std::errc::protocol_error, "expected frame flags 0, found " + hex(header.flags));
    }
    if (header.length > kMaxFramePayload) {
        return failure(std::errc::message_size, "expected a payload of at most " + std::to_string(kMaxFramePayload) +
                                                    " bytes, found a length of " + std::to_string(header.length));
    }
    return header;
}

result<void> check_payload(const FrameHeader& header, std::span<const std::byte> payload) {
    if (payload.size() != header.length) {
        return failure(std::errc::message_size, "expected a payload of " + std::to_string(header.length) +
                                                    " bytes, found " + std::to_string(payload.size()));
    }
    if (const auto found = crc32c(payload); found != header.payload_crc) {
        return failure(std::errc::bad_message, "payload of frame type " + std::to_string(header.type) +
                                                   " was damaged: expected crc32c " + hex(header.payload_crc) +
                                                   ", found " + hex(found));
    }
    return {};
}

template<class Int>
Writer& Writer::integer(Int value) {
    buffer_.resize(buffer_.size() + sizeof(Int));
    store(buffer_.data() + buffer_.size() - sizeof(Int), value);
    return *this;
}

Writer& Writer::u8(std::uint8_t value) {
    return integer(value);
}
Writer& Writer::u16(std::uint16_t value) {
    return integer(value);
}
Writer& Writer::u32(std::uint32_t value) {
    return integer(value);
}
Writer& Writer::u64(std::uint64_t value) {
    return integer(value);
}
Writer& Writer::i32(std::int32_t value) {
    return integer(value);
}
Writer& Writer::i64(std::int64_t value) {
    return integer(value);
}
Writer& Writer::boolean(bool value) {
    return u8(value ? 1 : 0);
}

Writer& Writer::bytes(std::span<const std::byte> value) {
    if (value.size() > std::numeric_limits<std::uint32_t>::max()) panic("Writer::bytes: more than 4 GiB");
    return u32(static_cast<std::uint32_t>(value.size())).raw(value);
}

Writer& Writer::string(std::string_view value) {
    return bytes(std::as_bytes(std::span(value)));
}

Writer& Writer::raw(std::span<const std::byte> value) {
    buffer_.insert(buffer_.end(), value.begin(), value.end());
    return *this;
}

Writer& Writer::stamp(Stamp value) {
    if (value.nsec < 0 || value.nsec > kMaxNsec) panic("Writer::stamp: nanoseconds " + std::to_string(value.nsec));
    return i64(value.sec).u32(static_cast<std::uint32_t>(value.nsec));
}

std::vector<std::byte> Writer::take() {
    return std::exchange(buffer_, {});
}

bool Reader::need(std::size_t count, std::string_view what) {
    if (failed_) return false;
    if (count <= rest()) return true;
    fail(std::string(what) + " of " + std::to_string(count) + " bytes", std::to_string(rest()) + " bytes left");
    return false;
}

template<class Int>
Int Reader::integer(std::string_view name) {
    if (!need(sizeof(Int), name)) return 0;
    const auto value = load<Int>(data_.data() + offset_);
    offset_ += sizeof(Int);
    return value;
}

std::uint8_t Reader::u8() {
    return integer<std::uint8_t>("u8");
}
std::uint16_t Reader::u16() {
    return integer<std::uint16_t>("u16");
}
std::uint32_t Reader::u32() {
    return integer<std::uint32_t>("u32");
}
std::uint64_t Reader::u64() {
    return integer<std::uint64_t>("u64");
}
std::int32_t Reader::i32() {
    return integer<std::int32_t>("i32");
}
std::int64_t Reader::i64() {
    return integer<std::int64_t>("i64");
}

bool Reader::boolean() {
    const auto value = u8();
    if (value > 1) fail("a boolean 0 or 1", std::to_string(value));
    return value == 1 && ok();
}

std::span<const std::byte> Reader::bytes(std::size_t max) {
    const std::size_t length = u32();
    if (ok() && length > max)
        fail("at most " + std::to_string(max) + " bytes", "a length of " + std::to_string(length));
    return raw(length);
}

std::string Reader::string(std::size_t max) {
    const auto view = bytes(max);
    std::string text(view.size(), '\0');
    std::transform(view.begin(), view.end(), text.begin(), [](std::byte b) { return static_cast<char>(b); });
    return text;
}

std::span<const std::byte> Reader::raw(std::size_t count) {
    if (!need(count, "a field")) return {};
    const auto view = data_.subspan(offset_, count);
    offset_ += count;
    return view;
}

Stamp Reader::stamp() {
    const auto sec = i64();
    const auto nsec = u32();
    if (nsec > kMaxNsec) fail("nanoseconds below 1000000000", std::to_string(nsec));
    return ok() ? Stamp{sec, nsec} : Stamp{};
}

std::uint32_t Reader::count(std::size_t max, std::size_t element_bytes) {
    const auto found = u32();
    const auto fitting = element_bytes == 0 ? max : rest() / element_bytes;
    if (ok() && (found > max || found > fitting)) {
        fail("at most " + std::to_string(std::min(max, fitting)) + " elements", "a count of " + std::to_string(found));
    }
    return ok() ? found : 0;
}

void Reader::fail(std::string_view expected, std::string_view found) {
    if (failed_) return;
    failed_ = true;
    problem_ = "expected " + std::string(expected) + " at byte " + std::to_string(offset_) + " of " +
               std::to_string(data_.size()) + ", found " + std::string(found);
}

result<void> Reader::finish(std::string_view message) const {
    if (failed_) return failure(std::errc::bad_message, std::string(message) + ": " + problem_);
    if (!at_end()) {
        return failure(std::errc::bad_message, std::string(message) + ": expected the end at byte " +
                                                   std::to_string(offset_) + ", found " + std::to_string(rest()) +
                                                   " more bytes");
    }
    return {};
}

} // namespace mars::format
