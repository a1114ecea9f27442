// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/tree/exchange_messages.hpp"

#include <algorithm>

#include "kernel/base/names.hpp"
#include "kernel/format/wire_fields.hpp"
#include "kernel/tree/paths.hpp"

namespace mars::tree {

namespace {

using format::field;
using format::layout;
using format::List;
using format::Text;

constexpr std::size_t kMaxPathBytes = kMaxDepth * (kMaxNameBytes + 1);
constexpr std::size_t kMaxReasonBytes = 1000;
constexpr std::size_t kDigestBytes = 32;
constexpr std::size_t kMaxElements = format::kMaxFramePayload; // the payload's size bounds the counts anyway
constexpr List kPeers{Text{kMaxNameLength}, 4096};

constexpr auto kHello = layout<ExchangeHello>(field(&ExchangeHello::host, Text{kMaxNameLength}),
                                              field(&ExchangeHello::uuid, Text{kMaxValueBytes}),
                                              field(&ExchangeHello::sent), field(&ExchangeHello::peers, kPeers));

constexpr auto kWelcome =
    layout<ExchangeWelcome>(field(&ExchangeWelcome::host, Text{kMaxNameLength}),
                            field(&ExchangeWelcome::uuid, Text{kMaxValueBytes}), field(&ExchangeWelcome::sent));

constexpr auto kPeerList = layout<ExchangePeers>(field(&ExchangePeers::sent), field(&ExchangePeers::peers, kPeers));

constexpr auto kDirectory = layout<DirectoryDigest>(field(&DirectoryDigest::dir, Text{kMaxPathBytes}),
                                                    field(&DirectoryDigest::digest, Text{kDigestBytes}));

constexpr auto kCompare = layout<ExchangeCompare>(field(&ExchangeCompare::number), field(&ExchangeCompare::sent),
                                                  field(&ExchangeCompare::directories, List{kDirectory, kMaxElements}));

constexpr auto kDiffering =
    layout<ExchangeDiffering>(field(&ExchangeDiffering::number), field(&ExchangeDiffering::sent),
                              field(&ExchangeDiffering::indices, List{format::Value<std::uint32_t>{}, kMaxElements}));

constexpr auto kKeyVersion =
    layout<KeyVersion>(field(&KeyVersion::path, Text{kMaxPathBytes}), field(&KeyVersion::value, Text{kMaxValueBytes}),
                       field(&KeyVersion::stamp));

constexpr auto kBatch =
    layout<ExchangeBatch>(field(&ExchangeBatch::number), field(&ExchangeBatch::sent), field(&ExchangeBatch::more),
                          field(&ExchangeBatch::versions, List{kKeyVersion, kMaxElements}));

constexpr auto kNumber = layout<ExchangeNumber>(field(&ExchangeNumber::number), field(&ExchangeNumber::sent));

constexpr auto kUnstored = layout<ExchangeUnstored>(field(&ExchangeUnstored::number), field(&ExchangeUnstored::sent),
                                                    field(&ExchangeUnstored::reason, Text{kMaxReasonBytes}));

void replace_controls(std::string& text) {
    auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    std::replace_if(text.begin(), text.end(), is_control, '?');
}

template<class Layout, class Message>
Bytes written(const Layout& fields, const Message& message) {
    format::Writer writer;
    fields.put(writer, message);
    return writer.take();
}

} // namespace

Bytes encode(const ExchangeHello& message) {
    return written(kHello, message);
}
result<ExchangeHello> parse_hello(std::span<const std::byte> payload) {
    return kHello.parse("hello", payload);
}

Bytes encode(const ExchangeWelcome& message) {
    return written(kWelcome, message);
}
result<ExchangeWelcome> parse_welcome(std::span<const std::byte> payload) {
    return kWelcome.parse("welcome", payload);
}

Bytes encode(const ExchangePeers& message) {
    return written(kPeerList, message);
}
result<ExchangePeers> parse_peers(std::span<const std::byte> payload) {
    return kPeerList.parse("peers", payload);
}

Bytes encode(const ExchangeCompare& message) {
    return written(kCompare, message);
}
result<ExchangeCompare> parse_compare(std::span<const std::byte> payload) {
    return kCompare.parse("compare", payload);
}

Bytes encode(const ExchangeDiffering& message) {
    return written(kDiffering, message);
}
result<ExchangeDiffering> parse_differing(std::span<const std::byte> payload) {
    return kDiffering.parse("differing", payload);
}

Bytes encode(const ExchangeBatch& message) {
    return written(kBatch, message);
}
result<ExchangeBatch> parse_batch(std::span<const std::byte> payload) {
    return kBatch.parse("batch", payload);
}

Bytes encode(const ExchangeNumber& message) {
    return written(kNumber, message);
}
result<ExchangeNumber> parse_ping(std::span<const std::byte> payload) {
    return kNumber.parse("ping or ack", payload);
}

Bytes encode(ExchangeUnstored message) {
    if (message.reason.size() > kMaxReasonBytes) message.reason.resize(kMaxReasonBytes);
    return written(kUnstored, message);
}
result<ExchangeUnstored> parse_unstored(std::span<const std::byte> payload) {
    MARS_TRY(auto message, kUnstored.parse("unstored", payload));
    replace_controls(message.reason);
    return message;
}

Bytes encode_reason(std::string_view reason) {
    format::Writer writer;
    writer.string(reason.substr(0, kMaxReasonBytes));
    return writer.take();
}

result<std::string> parse_reason(std::span<const std::byte> payload) {
    format::Reader reader(payload);
    auto text = reader.string(kMaxReasonBytes);
    MARS_TRY_VOID(reader.finish("refused"));
    replace_controls(text);
    return text;
}

std::size_t encoded_size(const KeyVersion& version) {
    return kKeyVersion.least() + version.path.size() + version.value.size();
}

} // namespace mars::tree
