// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/export/real/nbd_protocol.hpp"

#include <cerrno>

namespace mars::exports::nbd {

namespace {

template<class Int>
void put(Bytes& out, Int value) {
    for (int shift = 8 * (static_cast<int>(sizeof(Int)) - 1); shift >= 0; shift -= 8)
        out.push_back(static_cast<std::byte>((value >> shift) & 0xff));
}

void put_text(Bytes& out, std::string_view text) {
    auto bytes = std::as_bytes(std::span(text));
    out.insert(out.end(), bytes.begin(), bytes.end());
}

template<class Int>
Int get(std::span<const std::byte> bytes, std::size_t at) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(Int); ++i) value = value << 8 | std::to_integer<std::uint64_t>(bytes[at + i]);
    return static_cast<Int>(value);
}

constexpr std::uint16_t kInfoExport = 0, kInfoBlockSize = 3;
constexpr std::size_t kZeroes = 124;

} // namespace

Bytes greeting() {
    Bytes out;
    put(out, kInitMagic);
    put(out, kOptionMagic);
    put<std::uint16_t>(out, kFixedNewstyle | kNoZeroes);
    return out;
}

Bytes option_reply(std::uint32_t option, OptionReply type, std::span<const std::byte> payload) {
    Bytes out;
    put(out, kOptionReplyMagic);
    put(out, option);
    put(out, static_cast<std::uint32_t>(type));
    put(out, static_cast<std::uint32_t>(payload.size()));
    out.insert(out.end(), payload.begin(), payload.end());
    return out;
}

Bytes info_replies(std::uint32_t option, std::uint64_t size) {
    Bytes about_export, about_blocks;
    put(about_export, kInfoExport);
    put(about_export, size);
    put(about_export, kTransmissionFlags);
    put(about_blocks, kInfoBlockSize);
    put(about_blocks, kMinBlock);
    put(about_blocks, kPreferredBlock);
    put(about_blocks, kMaxPayload);
    auto out = option_reply(option, OptionReply::info, about_export);
    auto second = option_reply(option, OptionReply::info, about_blocks);
    out.insert(out.end(), second.begin(), second.end());
    return out;
}

Bytes list_reply(std::string_view name) {
    Bytes payload;
    put(payload, static_cast<std::uint32_t>(name.size()));
    put_text(payload, name);
    return option_reply(static_cast<std::uint32_t>(Option::list), OptionReply::server, payload);
}

Bytes export_name_reply(std::uint64_t size, bool with_zeroes) {
    Bytes out;
    put(out, size);
    put(out, kTransmissionFlags);
    if (with_zeroes) out.resize(out.size() + kZeroes);
    return out;
}

std::array<std::byte, kReplyBytes> simple_reply(std::uint64_t cookie, std::uint32_t error) {
    std::array<std::byte, kReplyBytes> out;
    for (std::size_t i = 0; i < 4; ++i) out[i] = static_cast<std::byte>(kReplyMagic >> (24 - 8 * i) & 0xff);
    for (std::size_t i = 0; i < 4; ++i) out[4 + i] = static_cast<std::byte>(error >> (24 - 8 * i) & 0xff);
    for (std::size_t i = 0; i < 8; ++i) out[8 + i] = static_cast<std::byte>(cookie >> (56 - 8 * i) & 0xff);
    return out;
}

std::optional<OptionHeader> parse_option(std::span<const std::byte> bytes) {
    if (get<std::uint64_t>(bytes, 0) != kOptionMagic) return std::nullopt;
    return OptionHeader{get<std::uint32_t>(bytes, 8), get<std::uint32_t>(bytes, 12)};
}

std::optional<Request> parse_request(std::span<const std::byte> bytes) {
    if (get<std::uint32_t>(bytes, 0) != kRequestMagic) return std::nullopt;
    return Request{get<std::uint16_t>(bytes, 4), get<std::uint16_t>(bytes, 6), get<std::uint64_t>(bytes, 8),
                   get<std::uint64_t>(bytes, 16), get<std::uint32_t>(bytes, 24)};
}

std::uint32_t parse_client_flags(std::span<const std::byte> bytes) {
    return get<std::uint32_t>(bytes, 0);
}

std::optional<std::string> parse_info_name(std::span<const std::byte> data) {
    constexpr std::size_t kLengths = 4 + 2; // of the name, and the number of wanted pieces
    if (data.size() < kLengths) return std::nullopt;
    auto length = get<std::uint32_t>(data, 0);
    if (length > data.size() - kLengths) return std::nullopt;
    auto wanted = get<std::uint16_t>(data, 4 + length);
    if (data.size() != kLengths + length + std::size_t{2} * wanted) return std::nullopt;
    return std::string(reinterpret_cast<const char*>(data.data()) + 4, length);
}

std::uint32_t error_number(const failure& f) {
    if (f.code.category() != std::generic_category() && f.code.category() != std::system_category()) return EIO;
    switch (f.code.value()) { // the protocol's numbers are those of Linux, but it knows only a few
    case EPERM:
    case ENOMEM:
    case EINVAL:
    case ENOSPC:
    case EOVERFLOW:
    case ESHUTDOWN:
        return static_cast<std::uint32_t>(f.code.value());
    default:
        return EIO;
    }
}

} // namespace mars::exports::nbd
