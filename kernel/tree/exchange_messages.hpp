// SPDX-License-Identifier: GPL-2.0-or-later
// The messages of the tree exchange (port 7777), as structs, and their bytes. Pure functions; nothing that is parsed is
// trusted: every length is bounded before memory is taken, and keys are checked by whoever applies them.
// Format: docs/formats/exchange.md. Tests: tests/unit/tree/exchange_messages_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/result.hpp"
#include "kernel/base/stamp.hpp"
#include "kernel/format/wire.hpp"

namespace mars::tree {

// Frame types on the wire: never renumber. Other ports use numbers below 64, so that a wrong port is noticed.
enum class ExchangeMessage : std::uint16_t {
    hello = 64,     // client: who I am
    welcome = 65,   // server: who I am; go on
    refused = 66,   // server: why not, or why not any more; the connection ends
    peers = 67,     // client: whom else I am pushing to, from now on
    compare = 68,   // client: the digests of my directories
    differing = 69, // server: which of them differ from mine
    batch = 70,     // client: versions of keys
    ping = 71,      // client: nothing to say
    ack = 72,       // server: done with that number
    unstored = 73,  // server: instead of ack, some of it could not be stored (a full disk); the connection goes on
};

struct ExchangeHello {
    std::string host;
    std::string uuid;
    Stamp sent;                     // the sender's Lamport time, as in all messages
    std::vector<std::string> peers; // as in ExchangePeers

    bool operator==(const ExchangeHello&) const = default;
};

struct ExchangeWelcome {
    std::string host;
    std::string uuid;
    Stamp sent;

    bool operator==(const ExchangeWelcome&) const = default;
};

struct ExchangePeers {
    Stamp sent;
    std::vector<std::string> peers;

    bool operator==(const ExchangePeers&) const = default;
};

struct DirectoryDigest {
    std::string dir;
    std::string digest; // 32 hex digits

    bool operator==(const DirectoryDigest&) const = default;
};

struct ExchangeCompare {
    std::uint64_t number = 0;
    Stamp sent;
    std::vector<DirectoryDigest> directories;

    bool operator==(const ExchangeCompare&) const = default;
};

struct ExchangeDiffering {
    std::uint64_t number = 0;
    Stamp sent;
    std::vector<std::uint32_t> indices; // into the compare's directories

    bool operator==(const ExchangeDiffering&) const = default;
};

// One version of one key.
struct KeyVersion {
    std::string path;
    std::string value;
    Stamp stamp;

    bool operator==(const KeyVersion&) const = default;
};

struct ExchangeBatch {
    std::uint64_t number = 0;
    Stamp sent;        // when the sender began to read the keys of this and the parts before
    bool more = false; // further parts follow; the barrier keys come with the last one
    std::vector<KeyVersion> versions;

    bool operator==(const ExchangeBatch&) const = default;
};

// ping and ack.
struct ExchangeNumber {
    std::uint64_t number = 0;
    Stamp sent;

    bool operator==(const ExchangeNumber&) const = default;
};

struct ExchangeUnstored {
    std::uint64_t number = 0;
    Stamp sent;
    std::string reason; // long ones are cut

    bool operator==(const ExchangeUnstored&) const = default;
};

using Bytes = std::vector<std::byte>;

Bytes encode(const ExchangeHello& message);
Bytes encode(const ExchangeWelcome& message);
Bytes encode(const ExchangePeers& message);
Bytes encode(const ExchangeCompare& message);
Bytes encode(const ExchangeDiffering& message);
Bytes encode(const ExchangeBatch& message);
Bytes encode(const ExchangeNumber& message);
Bytes encode(ExchangeUnstored message);
Bytes encode_reason(std::string_view reason); // refused; long texts are cut

// All fail with bad_message for anything that is not exactly one well-formed message.
result<ExchangeHello> parse_hello(std::span<const std::byte> payload);
result<ExchangeWelcome> parse_welcome(std::span<const std::byte> payload);
result<ExchangePeers> parse_peers(std::span<const std::byte> payload);
result<ExchangeCompare> parse_compare(std::span<const std::byte> payload);
result<ExchangeDiffering> parse_differing(std::span<const std::byte> payload);
result<ExchangeBatch> parse_batch(std::span<const std::byte> payload);
result<ExchangeNumber> parse_ping(std::span<const std::byte> payload);
result<ExchangeUnstored> parse_unstored(std::span<const std::byte> payload); // control characters replaced
result<std::string> parse_reason(std::span<const std::byte> payload);        // control characters replaced

// How many bytes `version` takes in a batch.
std::size_t encoded_size(const KeyVersion& version);

} // namespace mars::tree
