// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/tree/exchange_messages.hpp"

#include <catch2/catch.hpp>

#include "kernel/format/crc.hpp"

using namespace mars;
using namespace mars::tree;

namespace {

ExchangeBatch sample_batch() {
    ExchangeBatch batch;
    batch.number = 7;
    batch.sent = Stamp{1700000000, 5};
    batch.more = true;
    for (auto path : {"uuid", "resource-x/primary"}) {
        KeyVersion version;
        version.path = path;
        version.value = "v";
        version.stamp = Stamp{3, 4};
        batch.versions.push_back(version);
    }
    return batch;
}

// Parsing must fail cleanly wherever the message is cut, and with one byte too many.
template<class Parse>
void check_strict(const Bytes& whole, Parse parse) {
    for (std::size_t length = 0; length < whole.size(); ++length) CHECK_FALSE(parse(std::span(whole).first(length)));
    auto longer = whole;
    longer.push_back(std::byte{0});
    CHECK_FALSE(parse(std::span<const std::byte>(longer)));
}

} // namespace

TEST_CASE("the bytes of messages on the wire stay the same") {
    ExchangeHello hello;
    hello.host = "a";
    hello.uuid = "a_1";
    hello.sent = Stamp{1, 2};
    hello.peers = {"b", "c"};
    ExchangeWelcome welcome;
    welcome.host = "a";
    welcome.uuid = "(any)";
    welcome.sent = Stamp{1, 999999999};
    ExchangePeers peers;
    peers.peers = {"b"};
    ExchangeCompare compare;
    compare.number = 9;
    compare.directories.resize(2);
    compare.directories[1].dir = "ips";
    compare.directories[1].digest = std::string(32, 'f');
    ExchangeDiffering differing;
    differing.number = 9;
    differing.indices = {0, 4};
    ExchangeNumber number;
    number.number = 1;
    number.sent = Stamp{5, 6};
    std::vector<std::uint32_t> found;
    for (auto& bytes : {encode(hello), encode(welcome), encode(peers), encode(compare), encode(differing),
                        encode(sample_batch()), encode(number), encode_reason("no")})
        found.push_back(format::crc32c(bytes));
    CHECK(found == std::vector<std::uint32_t>{0x3f96c03f, 0xb7e1f, 0x82883ae0, 0xa35728b3, 0x462c8f5b, 0x8c81bfb3,
                                              0xbb753701, 0xc734c483});
}

TEST_CASE("messages come out as they went in, and nothing else is accepted") {
    ExchangeHello hello;
    hello.host = "a";
    hello.uuid = "a_1";
    hello.sent = Stamp{1, 2};
    hello.peers = {"b", "c"};
    CHECK(*parse_hello(encode(hello)) == hello);
    check_strict(encode(hello), parse_hello);

    ExchangeWelcome welcome;
    welcome.host = "a";
    welcome.uuid = "(any)";
    CHECK(*parse_welcome(encode(welcome)) == welcome);
    check_strict(encode(welcome), parse_welcome);

    ExchangePeers peers;
    peers.peers = {"b"};
    CHECK(*parse_peers(encode(peers)) == peers);
    check_strict(encode(peers), parse_peers);

    ExchangeCompare compare;
    compare.number = 9;
    compare.directories.resize(2);
    compare.directories[1].dir = "ips";
    compare.directories[1].digest = std::string(32, 'f');
    CHECK(*parse_compare(encode(compare)) == compare);
    check_strict(encode(compare), parse_compare);

    ExchangeDiffering differing;
    differing.number = 9;
    differing.indices = {0, 4};
    CHECK(*parse_differing(encode(differing)) == differing);
    check_strict(encode(differing), parse_differing);

    CHECK(*parse_batch(encode(sample_batch())) == sample_batch());
    check_strict(encode(sample_batch()), parse_batch);

    ExchangeNumber number;
    number.number = 1;
    number.sent = Stamp{5, 6};
    CHECK(*parse_ping(encode(number)) == number);
    check_strict(encode(number), parse_ping);

    ExchangeUnstored missing;
    missing.number = 2;
    missing.reason = "b cannot store 'x'";
    CHECK(*parse_unstored(encode(missing)) == missing);
    check_strict(encode(missing), parse_unstored);
    missing.reason = std::string(5000, '\n');
    CHECK(parse_unstored(encode(missing))->reason == std::string(1000, '?'));
}

TEST_CASE("a reason is cut and cleaned") {
    CHECK(*parse_reason(encode_reason("no")) == "no");
    CHECK(parse_reason(encode_reason(std::string(5000, 'x')))->size() == 1000);
    CHECK(*parse_reason(encode_reason("a\nb\x1b[31m")) == "a?b?[31m");
}

TEST_CASE("absurd counts and lengths fail before memory is taken") {
    format::Writer writer;
    writer.u64(1).stamp(Stamp{1, 0}).boolean(false).u32(0xffffffff);
    CHECK_FALSE(parse_batch(writer.view()));
    format::Writer path;
    path.u64(1).stamp(Stamp{1, 0}).boolean(false).u32(1).u32(0x7fffffff);
    CHECK_FALSE(parse_batch(path.view()));
    ExchangeHello hello;
    hello.host = std::string(64, 'a');
    CHECK_FALSE(parse_hello(encode(hello)));
}

TEST_CASE("the size of a version in a batch is known beforehand") {
    auto batch = sample_batch();
    const auto with = encode(batch).size();
    const auto last = batch.versions.back();
    batch.versions.pop_back();
    CHECK(with - encode(batch).size() == encoded_size(last));
}
