// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/format/vectors.hpp"

#include <stdexcept>

namespace mars::format::vectors {

namespace {

constexpr std::string_view kFileHex =
    // V1
    "577917d908e9f7a80101720000f153650000000015cd5b070000000000100000"
    "000000001e00000000000000010000004d415253207472616e73616374696f6e"
    "206c6f67207265636f72642023316d72b54ab71f947400000000010004000100"
    "0000fd0fa2619f11af088286a0f7fdef4474"
    // V2
    "577917d908e9f7a80101740001f15365000000000000000000000000009a7856"
    "341200002000000000000000010000004d4152532d636f6d70617469626c6520"
    "7472616e73616374696f6e206c6f67216d72b54ab71f9474c7a51e6001000100"
    "0200000000000000000000000000000000000000"
    // V3
    "577917d908e9f7a801016c0001f1536500000000010000000000000000020000"
    "000000001800000000000000010000004d4152532d636f6d70617469626c6520"
    "7472616e736163746d72b54ab71f94740000000001000200030000004d0f695c"
    "7b769f6cd680054c837ce138"
    // V4
    "577917d908e9f7a80101720002f1536500000000020000000000000000040000"
    "000000001e00000000000000010000004d415253207472616e73616374696f6e"
    "206c6f67207265636f72642023316d72b54ab71f947400000000010008000400"
    "0000a43c8f2e95eedf3f32fbc0d336f0241b"
    // V5
    "577917d908e9f7a80101740002f1536500000000030000000000000000060000"
    "000000002000000000000000010000004d4152532d636f6d70617469626c6520"
    "7472616e73616374696f6e206c6f67216d72b54ab71f94740000000001001000"
    "05000000310381b99804106b81a337e2b231635b"
    // V6
    "577917d908e9f7a801017c0003f1536500000000040000000000000000200000"
    "000000002700000200000000010000001f410100ffcef0106e79207772697465"
    "2072657175657374206163747320617320636f6d6d6974416d72b54ab71f9474"
    "0000000001000402060000000000000000000000000000004c9c840c"
    // V7
    "577917d908e9f7a80101840003f1536500000000050000000000000000300000"
    "000000002d0000020000000001000000785e73741c05c33a04f22a15ca8b324b"
    "52158a520b4b538b4b1412934b8a15128b1592f37373334b00893885e5414141"
    "6d72b54ab71f9474000000000100040407000000000000000000000000000000"
    "4c9c840c"
    // V8
    "577917d908e9f7a80101840003f1536500000000060000000000000000400000"
    "000000002f00000200000000010000000241414141412000bc1000000d6e7920"
    "77726974652072657175657374206163747320617320636f6d6d697411000041"
    "6d72b54ab71f9474000000000100040108000000000000000000000000000000"
    "4c9c840c";

std::string fill_then_text() {
    return std::string(480, 'A') + "Any write request acts as commit";
}

unsigned nibble(char c) {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
    throw std::invalid_argument("no hex digit");
}

} // namespace

const std::vector<Vector>& all() {
    static const std::string text30 = "MARS transaction log record #1";
    static const std::string text32 = "MARS-compatible transaction log!";
    static const char* const compressed = "66f6363c66f6363c66f6363c66f6363c66f6363c66f6363c66f6363c2a6ab230";
    static const std::vector<Vector> list{
        {0,
         114,
         {1700000000, 123456789},
         4096,
         text30,
         DigestKind::crc32c,
         "55df64f84abe04f404660827a9b8613da8d0c699d5afabfc86e0a8d054572549"},
        {114,
         116,
         {1700000001, 0},
         0x123456789a00,
         text32,
         DigestKind::md5_old,
         "c7a51e60f1e9e70114aea237491feed200000000000000000000000000000000"},
        {230,
         108,
         {1700000001, 1},
         512,
         text32.substr(0, 24),
         DigestKind::md5,
         "5a96e0a7914abfbcc4ff2b72a32a44d1179989fbea3c20d0127f2e3e2056a5e9"},
        {338,
         114,
         {1700000002, 2},
         1024,
         text30,
         DigestKind::crc32,
         "0f5045146e0116ac87aa99810dbceafeab6cca3afbefc993b55159523b4ccee5"},
        {452,
         116,
         {1700000002, 3},
         1536,
         text32,
         DigestKind::sha1,
         "8b1c143e9804106b81a337e2b231635bba1f9587000000000000000000000000"},
        {568, 124, {1700000003, 4}, 8192, fill_then_text(), DigestKind::crc32c, compressed},
        {692, 132, {1700000003, 5}, 12288, fill_then_text(), DigestKind::crc32c, compressed},
        {824, 132, {1700000003, 6}, 16384, fill_then_text(), DigestKind::crc32c, compressed},
    };
    return list;
}

std::vector<std::byte> file() {
    return from_hex(kFileHex);
}

std::vector<std::byte> from_hex(std::string_view hex) {
    std::vector<std::byte> bytes;
    unsigned value = 0;
    bool half = false;
    for (const char c : hex) {
        if (c == ' ' || c == '\n') continue;
        value = value * 16 + nibble(c);
        if (half) {
            bytes.push_back(static_cast<std::byte>(value));
            value = 0;
        }
        half = !half;
    }
    return bytes;
}

std::string to_hex(std::span<const std::byte> bytes) {
    std::string hex;
    for (const auto b : bytes) {
        hex += "0123456789abcdef"[std::to_integer<unsigned>(b >> 4)];
        hex += "0123456789abcdef"[std::to_integer<unsigned>(b & std::byte{15})];
    }
    return hex;
}

std::vector<std::byte> bytes_of(std::string_view text) {
    const auto view = std::as_bytes(std::span(text));
    return {view.begin(), view.end()};
}

} // namespace mars::format::vectors
