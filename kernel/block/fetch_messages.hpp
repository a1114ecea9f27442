// SPDX-License-Identifier: GPL-2.0-or-later
// The messages of the log fetch (port 7778) after the handshake: one request, then a stream of logs.
// Pure functions on bytes; parsers return bad_message for anything that is not exactly one well-formed message, so
// names and numbers that come out of them are legal (a host name cannot escape from its directory).
// Format: docs/formats/fetch.md. Tests: tests/unit/block/net_messages_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernel/block/digests.hpp"
#include "kernel/block/peer_messages.hpp"
#include "kernel/format/log_name.hpp"

namespace mars::block {

// On the wire: never renumber.
enum class FetchMessage : std::uint16_t {
    request = 16,  // client: stream from here on
    begins = 17,   // server: the following data belongs to this log, from this offset on
    data = 18,     // server: the next bytes
    ends = 19,     // server: the log is complete; its successor follows
    conflict = 20, // server: two logs claim to be the next one; the stream ends
    absent = 21,   // server: I have no such log; the stream ends
    shorter = 22,  // server: my copy is shorter than yours; the stream ends
};

inline constexpr std::size_t kMaxFetchData = std::size_t{1} << 20; // bytes of a log in one message

// A client that has a beginning of the log proves that its last part is the server's, because a crash may have torn
// what had not been synced: digests (XXH3-128) of the pieces of kTailPieceBytes from `checked_from` to `offset`.
inline constexpr std::uint64_t kTailPieceBytes = std::uint64_t{64} << 10;
inline constexpr std::size_t kMaxTailPieces = 256;
using PieceDigest = ShortDigest;

struct FetchRequest {
    format::LogName log;
    std::uint64_t offset = 0;       // the length that the client has
    std::uint64_t checked_from = 0; // ≤ offset
    std::vector<PieceDigest> tail;  // one per started piece in [checked_from, offset)

    bool operator==(const FetchRequest&) const = default;
};

struct LogBegins {
    format::LogName log;
    std::uint64_t offset = 0; // ≤ the requested one: from here on the client's tail differs
    std::uint64_t length = 0; // durable at the server

    bool operator==(const LogBegins&) const = default;
};

struct LogData {
    std::uint64_t offset = 0;
    std::uint64_t length = 0; // durable at the server by now
    std::span<const std::byte> bytes;
};

struct LogEnds {
    format::LogName log;
    std::uint64_t length = 0;

    bool operator==(const LogEnds&) const = default;
};

OutFrame encode_request(const FetchRequest& request);
OutFrame encode_begins(const LogBegins& begins);
OutFrame encode_ends(const LogEnds& ends);
OutFrame encode_conflict(const std::vector<format::LogName>& logs);
OutFrame encode_absent(const format::LogName& log);
OutFrame encode_shorter(const LogEnds& mine);

// A data message in two steps, so that a file is read straight into it: room for `count` bytes …
OutFrame make_data_frame(std::uint64_t offset, std::uint64_t length, std::size_t count);
// … where the caller puts the bytes of the log …
std::span<std::byte> data_of(OutFrame& frame);
// … and the header.
OutFrame seal_data(OutFrame frame);

result<FetchRequest> parse_request(std::span<const std::byte> payload);
result<LogBegins> parse_begins(std::span<const std::byte> payload);
result<LogData> parse_data(std::span<const std::byte> payload); // `bytes` points into the payload
result<LogEnds> parse_ends(std::span<const std::byte> payload);
result<std::vector<format::LogName>> parse_conflict(std::span<const std::byte> payload);
result<format::LogName> parse_absent(std::span<const std::byte> payload);
result<LogEnds> parse_shorter(std::span<const std::byte> payload);

// How many pieces [from, to) has.
inline std::uint64_t tail_pieces(std::uint64_t from, std::uint64_t to) {
    return (to - from + kTailPieceBytes - 1) / kTailPieceBytes;
}

} // namespace mars::block
