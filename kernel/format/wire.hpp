// SPDX-License-Identifier: GPL-2.0-or-later
// Wire: the frame that carries every message between two marsd (ports 7777 tree, 7778 logs, 7779 sync), and the
// writer and reader of the fields inside. Pure functions on bytes: no I/O. Frame: 20 byte header, then the payload.
// All integers are little endian and unaligned. What a message's fields are is said by whoever owns the message.
// Everything read here comes from the network and is not trusted: reading never goes out of bounds and never throws
// (but for bad_alloc); lengths are bounded before anything is allocated.
// Format: docs/formats/wire.md. Tests: tests/unit/format/wire_test.cpp, fuzz: tests/fuzz/wire/.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/result.hpp"
#include "kernel/base/stamp.hpp"

namespace mars::format {

inline constexpr std::uint32_t kFrameMagic = 0x5352414d; // the bytes 'M' 'A' 'R' 'S'
inline constexpr std::uint16_t kProtocolVersion = 1;
inline constexpr std::size_t kFrameHeaderBytes = 20;
inline constexpr std::size_t kMaxFramePayload = 4U << 20; // bytes

// The header of a frame as it was decoded and checked. Offsets on the wire: 0, 4, 6, 8, 12, 16.
struct FrameHeader {
    std::uint32_t magic = kFrameMagic;
    std::uint16_t version = kProtocolVersion;
    std::uint16_t type = 0;        // meaning belongs to the protocol of the port
    std::uint32_t length = 0;      // payload bytes, 0 … kMaxFramePayload
    std::uint32_t flags = 0;       // none defined: always 0
    std::uint32_t payload_crc = 0; // crc32c of the payload

    bool operator==(const FrameHeader&) const = default;
};

// The 20 header bytes for `payload`, for callers that send header and payload as two buffers.
// A payload above kMaxFramePayload is a programming error and aborts: senders split their messages.
std::array<std::byte, kFrameHeaderBytes> encode_header(std::uint16_t type, std::span<const std::byte> payload);

// Header and payload as one buffer. Same limit as encode_header().
std::vector<std::byte> encode_frame(std::uint16_t type, std::span<const std::byte> payload);

// Reads a header. The length in the result may be used to allocate the payload's buffer.
// Errors: protocol_error (not our magic, or flags that are not 0), protocol_not_supported (another version),
// message_size (length above kMaxFramePayload). After an error the connection is of no further use.
result<FrameHeader> decode_header(std::span<const std::byte, kFrameHeaderBytes> bytes);

// Checks the received payload against its header. Errors: message_size (not `header.length` bytes), bad_message (CRC).
result<void> check_payload(const FrameHeader& header, std::span<const std::byte> payload);

// Appends fields to a buffer it owns. Complexity: amortised O(bytes appended).
class Writer {
  public:
    Writer() = default;
    // Reserves room for `expected_bytes`, so that appending that much does not reallocate.
    explicit Writer(std::size_t expected_bytes) { buffer_.reserve(expected_bytes); }

    Writer& u8(std::uint8_t value);
    Writer& u16(std::uint16_t value);
    Writer& u32(std::uint32_t value);
    Writer& u64(std::uint64_t value);
    Writer& i32(std::int32_t value);
    Writer& i64(std::int64_t value);
    Writer& boolean(bool value); // one byte, 0 or 1
    // u32 length, then the bytes. More than 4 GiB is a programming error and aborts.
    Writer& bytes(std::span<const std::byte> value);
    Writer& string(std::string_view value);
    // The bytes alone, without a length.
    Writer& raw(std::span<const std::byte> value);
    Writer& stamp(Stamp value); // i64 seconds, u32 nanoseconds; nsec outside 0 … 999999999 aborts

    // As the type tells.
    Writer& put(std::uint8_t value) { return u8(value); }
    Writer& put(std::uint16_t value) { return u16(value); }
    Writer& put(std::uint32_t value) { return u32(value); }
    Writer& put(std::uint64_t value) { return u64(value); }
    Writer& put(std::int64_t value) { return i64(value); }
    Writer& put(bool value) { return boolean(value); }
    Writer& put(Stamp value) { return stamp(value); }

    std::size_t size() const { return buffer_.size(); }
    std::span<const std::byte> view() const { return buffer_; }
    // The buffer; the writer is empty afterwards.
    std::vector<std::byte> take();

  private:
    template<class Int>
    Writer& integer(Int value);

    std::vector<std::byte> buffer_;
};

// Reads fields from `data`, which must stay alive and unchanged while the reader and the views from it are in use.
// The first field that cannot be read makes the reader fail for good: from then on every field reads as 0, empty or
// Stamp{}, and nothing is consumed. So a whole message is read first and checked once, with ok() or finish().
class Reader {
  public:
    explicit Reader(std::span<const std::byte> data) : data_(data) {}

    std::uint8_t u8();
    std::uint16_t u16();
    std::uint32_t u32();
    std::uint64_t u64();
    std::int32_t i32();
    std::int64_t i64();
    bool boolean(); // a byte other than 0 or 1 fails
    // u32 length and that many bytes, at most `max`. The view points into the reader's data.
    std::span<const std::byte> bytes(std::size_t max);
    std::string string(std::size_t max);
    // Exactly `count` bytes without a length in front.
    std::span<const std::byte> raw(std::size_t count);
    Stamp stamp(); // nanoseconds above 999999999 fail

    // As the type tells.
    void get(std::uint8_t& value) { value = u8(); }
    void get(std::uint16_t& value) { value = u16(); }
    void get(std::uint32_t& value) { value = u32(); }
    void get(std::uint64_t& value) { value = u64(); }
    void get(std::int64_t& value) { value = i64(); }
    void get(bool& value) { value = boolean(); }
    void get(Stamp& value) { value = stamp(); }

    // A u32 count of elements that follow: fails above `max`, or when the rest is shorter than count × `element_bytes`
    // (the smallest size an element can have), so a loop and a reserve() of that many are bounded by the input.
    std::uint32_t count(std::size_t max, std::size_t element_bytes);
    // Marks the message as bad for a reason of the caller's own ("an unknown kind of entry"), at the current offset.
    void fail(std::string_view expected, std::string_view found);

    bool ok() const { return !failed_; }
    bool at_end() const { return offset_ == data_.size(); }
    std::size_t offset() const { return offset_; } // bytes consumed so far
    std::size_t rest() const { return data_.size() - offset_; }

    // Success iff every field could be read and nothing is left over. Otherwise bad_message: "MESSAGE: expected …
    // at byte N of M, found …".
    result<void> finish(std::string_view message) const;

  private:
    template<class Int>
    Int integer(std::string_view name);
    bool need(std::size_t count, std::string_view what);

    std::span<const std::byte> data_;
    std::size_t offset_ = 0;
    bool failed_ = false;
    std::string problem_; // "expected …, found …" of the first failure
};

} // namespace mars::format
