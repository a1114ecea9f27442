// SPDX-License-Identifier: GPL-2.0-or-later
// Both CRCs have the check values of the format, and the fast and the portable CRC-32C never differ.
#include "kernel/format/crc.hpp"

#include <catch2/catch.hpp>
#include <cstdint>
#include <string_view>
#include <vector>

using namespace mars::format;

namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

} // namespace

TEST_CASE("the CRCs have their check values") {
    CHECK(crc32c(bytes_of("123456789")) == 0xE3069283);
    CHECK(crc32c_portable(bytes_of("123456789")) == 0xE3069283);
    CHECK(crc32_raw(bytes_of("123456789")) == 0x2DFD2D88);
}

TEST_CASE("the CRC of nothing is 0") {
    CHECK(crc32c({}) == 0);
    CHECK(crc32c_portable({}) == 0);
    CHECK(crc32_raw({}) == 0);
}

TEST_CASE("zero bytes have a raw CRC-32 of 0 but a CRC-32C of their own") {
    const std::vector<std::byte> zeros(512);
    CHECK(crc32_raw(zeros) == 0);
    CHECK(crc32c(zeros) != 0);
}

TEST_CASE("the fast CRC-32C equals the portable one for every length and alignment") {
    std::vector<std::byte> data(300);
    std::uint32_t x = 1;
    for (auto& b : data) b = static_cast<std::byte>((x = x * 1664525 + 1013904223) >> 24);
    const std::span<const std::byte> all(data);
    for (std::size_t from = 0; from < 9; ++from) {
        for (std::size_t length = 0; length + from <= data.size(); ++length) {
            const auto piece = all.subspan(from, length);
            if (crc32c(piece) != crc32c_portable(piece)) FAIL("differ at " << from << ", length " << length);
        }
    }
    SUCCEED();
}

TEST_CASE("a CRC-32C can be computed in two steps at any cut") {
    const auto whole = bytes_of("MARS-compatible transaction log!");
    for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
        CHECK(crc32c_extend(crc32c(whole.first(cut)), whole.subspan(cut)) == crc32c(whole));
    }
}
