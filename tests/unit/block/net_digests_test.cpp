// SPDX-License-Identifier: GPL-2.0-or-later
// The digests are the published ones, so that another implementation can speak to ours.
#include <catch2/catch.hpp>

#include <cstdio>
#include <string>

#include "kernel/block/digests.hpp"

using namespace mars::block;

namespace {

std::span<const std::byte> bytes(const std::string& text) {
    return std::as_bytes(std::span(text));
}

template<class Digest>
std::string hex(const Digest& digest) {
    std::string text;
    for (auto b : digest) {
        char two[3];
        std::snprintf(two, sizeof two, "%02x", std::to_integer<unsigned>(b));
        text += two;
    }
    return text;
}

} // namespace

TEST_CASE("digests: published values") {
    CHECK(hex(sha256(bytes("abc"))) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(hex(xxh3_128(bytes(""))) == "99aa06d3014798d86001c324468d497f");
}

TEST_CASE("digests: zero blocks are recognised at every length and position") {
    for (std::size_t size : {1U, 2U, 7U, 8U, 511U, 512U, 4096U}) {
        std::vector<std::byte> data(size);
        CHECK(all_zero(data));
        for (std::size_t i : {std::size_t{0}, size / 2, size - 1}) {
            data[i] = std::byte{1};
            CHECK(!all_zero(data));
            data[i] = std::byte{0};
        }
    }
    CHECK(all_zero({}));
}
