// SPDX-License-Identifier: GPL-2.0-or-later
// Composite link values are read back as written, and nothing else is taken for one.
#include "kernel/format/link_values.hpp"

#include <catch2/catch.hpp>

using namespace mars;
using namespace mars::format;

TEST_CASE("what a link can hold") {
    CHECK(is_link_value("x"));
    CHECK(is_link_value(std::string(4094, 'x')));
    CHECK_FALSE(is_link_value(std::string(4095, 'x')));
    CHECK_FALSE(is_link_value(""));
    CHECK_FALSE(is_link_value("a\nb"));
    CHECK_FALSE(is_link_value(std::string_view("a\0b", 3)));
}

TEST_CASE("flags") {
    for (const char* text : {"1", "2", "10", "01", "-1", "1x", "7 of 9"}) CHECK(parse_flag(text));
    for (const char* text : {"", "0", "00", "-0", "0x1", "x1", ".deleted", "(none)", " 1", "-"}) {
        CHECK_FALSE(parse_flag(text));
    }
}

TEST_CASE("masks are written in hex and read in both forms") {
    CHECK(mask_text(0x10000) == "0x00010000");
    CHECK(mask_text(0xffffffff) == "0xffffffff");
    CHECK(parse_mask("0x00010000") == 0x10000U);
    CHECK(parse_mask("0x1F") == 0x1fU);
    CHECK(parse_mask("262144") == 0x40000U);
    CHECK(parse_mask("0") == 0U);
    for (const char* text : {"", "0x", "0x123456789", "0xg", "-1", "12 ", "0x1 ", "4294967296", ".deleted", "0x-1"}) {
        INFO(text);
        CHECK_FALSE(parse_mask(text));
    }
}

TEST_CASE("masks have names") {
    CHECK(kind_names(0).empty());
    CHECK(kind_names(0x00040000) == "CHKSUM_CRC32C");
    CHECK(kind_names(0x031f0000) == "CHKSUM_MD5_OLD CHKSUM_MD5 CHKSUM_CRC32C CHKSUM_CRC32 CHKSUM_SHA1 COMPRESS_LZO "
                                    "COMPRESS_LZ4");
    CHECK(kind_names(0x04010001) == "CHKSUM_MD5_OLD COMPRESS_ZLIB 0x00000001");
}

TEST_CASE("features") {
    CHECK(Features{}.text() == "4,5,0x0f1f0000");
    CHECK(Features::parse("4,5,0x071f0000") == Features{4, 5, 0x071f0000});
    CHECK(Features::parse("4,5,0x071f0000,more") == Features{4, 5, 0x071f0000});
    CHECK(Features::parse("2,5,0x071f0000") == Features{2, 0, 0});
    CHECK(Features::parse("1") == Features{1, 0, 0});
    for (const char* text : {"", "4", "4,5", "4,x,0x1", "4,5,x", "-4,5,0x1", "4,-5,0x1", ".deleted"}) {
        INFO(text);
        CHECK_FALSE(Features::parse(text));
    }
}

TEST_CASE("common features are the smaller versions and the common kinds") {
    CHECK(common_features({4, 5, 0x071f0000}, {5, 4, 0x02050000}) == Features{4, 4, 0x02050000});
    CHECK(common_features(Features{}, assumed_features()) == Features{4, 5, 0x00010000});
}

TEST_CASE("messages") {
    CHECK(Message{}.value() == "OK");
    const Message message{{1700000000, 5}, {1700000001, 6}, "no space left"};
    CHECK(message.value() == "1700000000.000000005 1700000001.000000006 no space left");
    CHECK(Message::parse(message.value()) == message);
    CHECK(Message::parse("OK") == Message{});
    for (const char* text : {"", "ok", "1.0", "1.0 2.0", "1.0 2.0 ", "x 2.0 text", "1.0 x text", ".deleted"}) {
        INFO(text);
        CHECK_FALSE(Message::parse(text));
    }
}

TEST_CASE("messages are one line of at most 1023 bytes") {
    CHECK(Message{{1, 0}, {2, 0}, "a\nb\tc\x7f"}.value() == "1.000000000 2.000000000 a b c ");
    CHECK(Message{{1, 0}, {2, 0}, std::string(5000, 'x')}.value().size() == 1023);
    std::string umlauts;
    for (int i = 0; i < 1000; ++i) umlauts += "\xc3\xa4";
    const auto value = Message{{1, 0}, {2, 0}, umlauts}.value();
    CHECK(value.size() == 1022);
    CHECK(value.substr(1020) == "\xc3\xa4");
}

TEST_CASE("identity of a cluster") {
    const ClusterId id{"my_host-1", {1700000000, 123456789}};
    CHECK(id.text() == "my_host-1_1700000000.123456789");
    CHECK(ClusterId::parse(id.text()) == id);
    CHECK(ClusterId{}.text() == "(any)");
    CHECK(ClusterId::parse("(any)") == ClusterId{});
    CHECK(ClusterId::parse("(any)")->is_any());
    for (const char* text : {"", "host", "host_", "_1.0", "ho st_1.0", "host_x", "(none)", ".deleted"}) {
        INFO(text);
        CHECK_FALSE(ClusterId::parse(text));
    }
}

TEST_CASE("counts of a verifying sync") {
    CHECK(VerifyStatus{10, 3}.text() == "10,3");
    CHECK(VerifyStatus::parse("10,3") == VerifyStatus{10, 3});
    CHECK(VerifyStatus::parse("10,3,x") == VerifyStatus{10, 3});
    for (const char* text : {"", "10", "10,", ",3", "-1,3"}) CHECK_FALSE(VerifyStatus::parse(text));
}

TEST_CASE("number of an allowed jump") {
    CHECK(parse_skip_check("17") == 17);
    CHECK(parse_skip_check("000000017 set by hand") == 17);
    for (const char* text : {"", "x", "-1", " 1", "9999999999999999999"}) CHECK_FALSE(parse_skip_check(text));
}

TEST_CASE("lists of hosts") {
    using Hosts = std::vector<std::string>;
    CHECK(parse_host_list("alpha") == Hosts{"alpha"});
    CHECK(parse_host_list("alpha,beta-2,,(none),g h") == Hosts{"alpha", "beta-2"});
    CHECK(parse_host_list("").empty());
}
