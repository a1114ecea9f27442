// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/block/peer_messages.hpp"

#include <algorithm>
#include <array>

#include "kernel/base/names.hpp"

namespace mars::block {

namespace {
using format::field;
using format::layout;
using format::Text;

constexpr std::size_t kMaxUuid = 255;
constexpr std::size_t kMaxText = 1000;

// A number that stands for no purpose must not become one.
struct PurposeCode {
    static constexpr std::size_t least() { return sizeof(Purpose); }
    static void put(format::Writer& writer, Purpose purpose) { writer.u8(static_cast<std::uint8_t>(purpose)); }
    static void get(format::Reader& reader, Purpose& purpose) {
        const auto code = reader.u8();
        if (code != 1 && code != 2) return reader.fail("purpose 1 or 2", std::to_string(code));
        purpose = static_cast<Purpose>(code);
    }
};

constexpr auto kHello =
    layout<Hello>(field(&Hello::host, Text{kMaxNameLength}), field(&Hello::uuid, Text{kMaxUuid}),
                  field(&Hello::purpose, PurposeCode{}), field(&Hello::resource, Text{kMaxNameLength}));

constexpr auto kWelcome =
    layout<Welcome>(field(&Welcome::host, Text{kMaxNameLength}), field(&Welcome::uuid, Text{kMaxUuid}));
} // namespace

std::string_view purpose_name(Purpose purpose) {
    return purpose == Purpose::fetch ? "fetch" : "sync";
}

format::Writer begin_frame(std::size_t expected_payload_bytes) {
    format::Writer writer(format::kFrameHeaderBytes + expected_payload_bytes);
    const std::array<std::byte, format::kFrameHeaderBytes> room{};
    writer.raw(room);
    return writer;
}

OutFrame seal_frame(std::uint16_t type, std::vector<std::byte> room_and_payload) {
    auto payload = std::span<const std::byte>(room_and_payload).subspan(format::kFrameHeaderBytes);
    auto header = format::encode_header(type, payload);
    std::copy(header.begin(), header.end(), room_and_payload.begin());
    return room_and_payload;
}

OutFrame encode_hello(const Hello& hello) {
    return encode_fields(SessionMessage::hello, kHello, hello, 64);
}

OutFrame encode_welcome(const Welcome& welcome) {
    return encode_fields(SessionMessage::welcome, kWelcome, welcome, 64);
}

OutFrame encode_alive(const AliveSign& sign) {
    auto writer = begin_frame(5);
    if (sign.next_in)
        writer.u32(static_cast<std::uint32_t>(std::chrono::ceil<std::chrono::seconds>(*sign.next_in).count()))
            .boolean(sign.wants_answer);
    return seal_frame(SessionMessage::alive, writer);
}

OutFrame encode_text(SessionMessage type, std::string_view text) {
    auto writer = begin_frame(text.size() + 4);
    writer.string(text.substr(0, kMaxText));
    return seal_frame(type, writer);
}

result<Hello> parse_hello(std::span<const std::byte> payload) {
    MARS_TRY(auto hello, kHello.parse("hello", payload));
    if (!is_identifier(hello.host)) return failure(std::errc::bad_message, "hello: the host name is not a legal one");
    if (!is_identifier(hello.resource))
        return failure(std::errc::bad_message, "hello: the resource name is not a legal one");
    return hello;
}

result<Welcome> parse_welcome(std::span<const std::byte> payload) {
    MARS_TRY(auto welcome, kWelcome.parse("welcome", payload));
    if (!is_identifier(welcome.host))
        return failure(std::errc::bad_message, "welcome: the host name is not a legal one");
    return welcome;
}

result<AliveSign> parse_alive(std::span<const std::byte> payload) {
    AliveSign sign;
    if (payload.empty()) return sign;
    format::Reader reader(payload);
    sign.next_in = std::chrono::seconds(reader.u32());
    sign.wants_answer = reader.boolean();
    MARS_TRY_VOID(reader.finish("alive"));
    return sign;
}

result<std::string> parse_text(std::span<const std::byte> payload) {
    format::Reader reader(payload);
    auto text = reader.string(kMaxText);
    MARS_TRY_VOID(reader.finish("text"));
    // It ends up in logs and on terminals of people who did not write it.
    std::replace_if(
        text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
    return text;
}

} // namespace mars::block
