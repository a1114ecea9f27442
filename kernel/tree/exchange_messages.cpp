// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/tree/exchange_messages.hpp"

#include <algorithm>

#include "kernel/base/names.hpp"
#include "kernel/tree/paths.hpp"

namespace mars::tree {

namespace {

using format::Reader;
using format::Writer;

constexpr std::size_t kMaxPathBytes = kMaxDepth * (kMaxNameBytes + 1);
constexpr std::size_t kMaxReasonBytes = 1000;
constexpr std::size_t kMaxPeers = 4096;
constexpr std::size_t kDigestBytes = 32;
constexpr std::size_t kStampBytes = 12;
constexpr std::size_t kLengthBytes = 4;
constexpr std::size_t kMaxElements = format::kMaxFramePayload; // the payload's size bounds the counts anyway

void put_peers(Writer& writer, const std::vector<std::string>& peers) {
    writer.u32(static_cast<std::uint32_t>(peers.size()));
    for (auto& peer : peers) writer.string(peer);
}

std::vector<std::string> get_peers(Reader& reader) {
    std::vector<std::string> peers(reader.count(kMaxPeers, kLengthBytes));
    for (auto& peer : peers) peer = reader.string(kMaxNameLength);
    return peers;
}

template<class Message>
result<Message> finished(const Reader& reader, std::string_view what, Message message) {
    MARS_TRY_VOID(reader.finish(what));
    return message;
}

} // namespace

Bytes encode(const ExchangeHello& message) {
    Writer writer;
    writer.string(message.host).string(message.uuid).stamp(message.sent);
    put_peers(writer, message.peers);
    return writer.take();
}

result<ExchangeHello> parse_hello(std::span<const std::byte> payload) {
    Reader reader(payload);
    ExchangeHello message;
    message.host = reader.string(kMaxNameLength);
    message.uuid = reader.string(kMaxValueBytes);
    message.sent = reader.stamp();
    message.peers = get_peers(reader);
    return finished(reader, "hello", std::move(message));
}

Bytes encode(const ExchangeWelcome& message) {
    Writer writer;
    writer.string(message.host).string(message.uuid).stamp(message.sent);
    return writer.take();
}

result<ExchangeWelcome> parse_welcome(std::span<const std::byte> payload) {
    Reader reader(payload);
    ExchangeWelcome message;
    message.host = reader.string(kMaxNameLength);
    message.uuid = reader.string(kMaxValueBytes);
    message.sent = reader.stamp();
    return finished(reader, "welcome", std::move(message));
}

Bytes encode(const ExchangePeers& message) {
    Writer writer;
    writer.stamp(message.sent);
    put_peers(writer, message.peers);
    return writer.take();
}

result<ExchangePeers> parse_peers(std::span<const std::byte> payload) {
    Reader reader(payload);
    ExchangePeers message;
    message.sent = reader.stamp();
    message.peers = get_peers(reader);
    return finished(reader, "peers", std::move(message));
}

Bytes encode(const ExchangeCompare& message) {
    Writer writer;
    writer.u64(message.number).stamp(message.sent).u32(static_cast<std::uint32_t>(message.directories.size()));
    for (auto& entry : message.directories) writer.string(entry.dir).string(entry.digest);
    return writer.take();
}

result<ExchangeCompare> parse_compare(std::span<const std::byte> payload) {
    Reader reader(payload);
    ExchangeCompare message;
    message.number = reader.u64();
    message.sent = reader.stamp();
    message.directories.resize(reader.count(kMaxElements, 2 * kLengthBytes));
    for (auto& entry : message.directories) {
        entry.dir = reader.string(kMaxPathBytes);
        entry.digest = reader.string(kDigestBytes);
    }
    return finished(reader, "compare", std::move(message));
}

Bytes encode(const ExchangeDiffering& message) {
    Writer writer;
    writer.u64(message.number).stamp(message.sent).u32(static_cast<std::uint32_t>(message.indices.size()));
    for (auto index : message.indices) writer.u32(index);
    return writer.take();
}

result<ExchangeDiffering> parse_differing(std::span<const std::byte> payload) {
    Reader reader(payload);
    ExchangeDiffering message;
    message.number = reader.u64();
    message.sent = reader.stamp();
    message.indices.resize(reader.count(kMaxElements, sizeof(std::uint32_t)));
    for (auto& index : message.indices) index = reader.u32();
    return finished(reader, "differing", std::move(message));
}

Bytes encode(const ExchangeBatch& message) {
    Writer writer;
    writer.u64(message.number).stamp(message.sent).boolean(message.more);
    writer.u32(static_cast<std::uint32_t>(message.versions.size()));
    for (auto& version : message.versions) writer.string(version.path).string(version.value).stamp(version.stamp);
    return writer.take();
}

result<ExchangeBatch> parse_batch(std::span<const std::byte> payload) {
    Reader reader(payload);
    ExchangeBatch message;
    message.number = reader.u64();
    message.sent = reader.stamp();
    message.more = reader.boolean();
    message.versions.resize(reader.count(kMaxElements, 2 * kLengthBytes + kStampBytes));
    for (auto& version : message.versions) {
        version.path = reader.string(kMaxPathBytes);
        version.value = reader.string(kMaxValueBytes);
        version.stamp = reader.stamp();
    }
    return finished(reader, "batch", std::move(message));
}

Bytes encode(const ExchangeNumber& message) {
    Writer writer;
    writer.u64(message.number).stamp(message.sent);
    return writer.take();
}

result<ExchangeNumber> parse_ping(std::span<const std::byte> payload) {
    Reader reader(payload);
    ExchangeNumber message;
    message.number = reader.u64();
    message.sent = reader.stamp();
    return finished(reader, "ping or ack", std::move(message));
}

Bytes encode_reason(std::string_view reason) {
    Writer writer;
    writer.string(reason.substr(0, kMaxReasonBytes));
    return writer.take();
}

result<std::string> parse_reason(std::span<const std::byte> payload) {
    Reader reader(payload);
    auto text = reader.string(kMaxReasonBytes);
    MARS_TRY_VOID(reader.finish("refused"));
    auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    std::replace_if(text.begin(), text.end(), is_control, '?');
    return text;
}

std::size_t encoded_size(const KeyVersion& version) {
    return version.path.size() + version.value.size() + 2 * kLengthBytes + kStampBytes;
}

} // namespace mars::tree
