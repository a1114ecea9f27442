// SPDX-License-Identifier: GPL-2.0-or-later
// The NBD protocol as far as we speak it (fixed newstyle, simple replies): numbers, and pure functions between messages
// and bytes. All integers are big-endian. Reference: the NetworkBlockDevice project's doc/proto.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/result.hpp"

namespace mars::exports::nbd {

inline constexpr std::uint64_t kInitMagic = 0x4e42444d41474943;   // "NBDMAGIC"
inline constexpr std::uint64_t kOptionMagic = 0x49484156454f5054; // "IHAVEOPT"
inline constexpr std::uint64_t kOptionReplyMagic = 0x0003e889045565a9;
inline constexpr std::uint32_t kRequestMagic = 0x25609513;
inline constexpr std::uint32_t kReplyMagic = 0x67446698;

inline constexpr std::uint16_t kFixedNewstyle = 1, kNoZeroes = 2; // handshake and client flags
inline constexpr std::uint16_t kHasFlags = 1, kSendFlush = 4, kSendFua = 8, kMultiConn = 256; // transmission flags
inline constexpr std::uint16_t kTransmissionFlags = kHasFlags | kSendFlush | kSendFua | kMultiConn;
inline constexpr std::uint16_t kCommandFua = 1;

enum class Option : std::uint32_t { export_name = 1, abort = 2, list = 3, info = 6, go = 7 };
enum class OptionReply : std::uint32_t {
    ack = 1,
    server = 2,
    info = 3,
    unsupported = 0x80000001,
    invalid = 0x80000003,
    unknown = 0x80000006,
};
enum class Command : std::uint16_t { read = 0, write = 1, disconnect = 2, flush = 3 };

inline constexpr std::size_t kOptionHeaderBytes = 16;
inline constexpr std::size_t kRequestBytes = 28;
inline constexpr std::size_t kReplyBytes = 16;
inline constexpr std::uint32_t kMaxOptionBytes = 64 << 10; // more is no honest client
inline constexpr std::uint32_t kMaxPayload = 32 << 20;     // of one request; announced to clients
inline constexpr std::uint32_t kMinBlock = 512, kPreferredBlock = 4096;

using Bytes = std::vector<std::byte>;

struct OptionHeader {
    std::uint32_t option = 0;
    std::uint32_t length = 0;
};

struct Request {
    std::uint16_t flags = 0;
    std::uint16_t type = 0;
    std::uint64_t cookie = 0;
    std::uint64_t offset = 0;
    std::uint32_t length = 0;
};

// Server to client.
Bytes greeting();
Bytes option_reply(std::uint32_t option, OptionReply type, std::span<const std::byte> payload = {});
// The two pieces of information sent before a GO or INFO is acknowledged.
Bytes info_replies(std::uint32_t option, std::uint64_t size);
Bytes list_reply(std::string_view name);
// The answer to EXPORT_NAME, which has no frame around it.
Bytes export_name_reply(std::uint64_t size, bool with_zeroes);
std::array<std::byte, kReplyBytes> simple_reply(std::uint64_t cookie, std::uint32_t error);

// Client to server. nullopt: wrong magic, not a client of this protocol.
std::optional<OptionHeader> parse_option(std::span<const std::byte> bytes); // kOptionHeaderBytes
std::optional<Request> parse_request(std::span<const std::byte> bytes);     // kRequestBytes
std::uint32_t parse_client_flags(std::span<const std::byte> bytes);         // 4
// The export name in an INFO or GO option; nullopt when its lengths contradict each other.
std::optional<std::string> parse_info_name(std::span<const std::byte> data);

// The protocol's error number for a failure of the device.
std::uint32_t error_number(const failure& f);

} // namespace mars::exports::nbd
