// SPDX-License-Identifier: GPL-2.0-or-later
// The messages that every connection for logs (port 7778) and sync (port 7779) begins with, and those that both know.
// Pure functions on bytes; parsers return bad_message for anything that is not exactly one well-formed message.
// Format: docs/formats/fetch.md (section "Session"). Tests: tests/unit/block/net_messages_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/result.hpp"
#include "kernel/format/wire_fields.hpp"

namespace mars::block {

inline constexpr std::uint16_t kLogPort = 7778;
inline constexpr std::uint16_t kSyncPort = 7779;

// Frame types 1 to 15 belong to the session, 16 to 31 to fetch, 32 to 47 to sync. On the wire: never renumber.
enum class SessionMessage : std::uint16_t {
    hello = 1,   // client: who I am, what I want
    welcome = 2, // server: who I am; go on
    refused = 3, // server: why not; the connection ends
    alive = 4,   // both: nothing to say, but still here
    failed = 5,  // server: cannot go on, because …; the connection ends
};

enum class Purpose : std::uint8_t { fetch = 1, sync = 2 };

std::string_view purpose_name(Purpose purpose);

struct Hello {
    std::string host;
    std::string uuid;
    Purpose purpose = Purpose::fetch;
    std::string resource;

    bool operator==(const Hello&) const = default;
};

struct Welcome {
    std::string host;
    std::string uuid;

    bool operator==(const Welcome&) const = default;
};

// `alive`. Older releases say, and read, nothing in it.
struct AliveSign {
    std::optional<Duration> next_in; // so soon comes the next one at the latest; whole seconds on the wire
    bool wants_answer = false;       // by a sign of life

    bool operator==(const AliveSign&) const = default;
};

// A received message.
struct Frame {
    std::uint16_t type = 0;
    std::vector<std::byte> payload;

    template<class Enum>
    bool is(Enum t) const {
        return type == static_cast<std::uint16_t>(t);
    }
};

// A message to send: header and payload in one buffer.
using OutFrame = std::vector<std::byte>;

// A writer with room for the header in front; seal() fills it in.
format::Writer begin_frame(std::size_t expected_payload_bytes);
OutFrame seal_frame(std::uint16_t type, std::vector<std::byte> room_and_payload);
template<class Enum>
OutFrame seal_frame(Enum type, format::Writer& writer) {
    return seal_frame(static_cast<std::uint16_t>(type), writer.take());
}

// A message as its table of fields says; `expected_payload_bytes` only saves allocations.
template<class Enum, class Layout, class Message>
OutFrame encode_fields(Enum type, const Layout& layout, const Message& message, std::size_t expected_payload_bytes) {
    auto writer = begin_frame(expected_payload_bytes);
    layout.put(writer, message);
    return seal_frame(type, writer);
}

OutFrame encode_hello(const Hello& hello);
OutFrame encode_welcome(const Welcome& welcome);
OutFrame encode_alive(const AliveSign& sign);
// refused and failed: one sentence for the operator; longer texts are cut.
OutFrame encode_text(SessionMessage type, std::string_view text);

result<Hello> parse_hello(std::span<const std::byte> payload);
result<Welcome> parse_welcome(std::span<const std::byte> payload);
result<AliveSign> parse_alive(std::span<const std::byte> payload);
result<std::string> parse_text(std::span<const std::byte> payload);

} // namespace mars::block
