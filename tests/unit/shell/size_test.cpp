// SPDX-License-Identifier: GPL-2.0-or-later
// Sizes: spec verbs 1.3.
#include <catch2/catch.hpp>

#include "shell/words/size.hpp"

using namespace mars::shell;

TEST_CASE("sizes are numbers with decimal or binary suffixes") {
    struct Row {
        const char* text;
        std::uint64_t bytes;
    };
    const Row rows[] = {{"0", 0},
                        {"4096", 4096},
                        {"1k", 1000},
                        {"1K", 1024},
                        {"10M", 10485760},
                        {"10m", 10000000},
                        {"1.5G", 1610612736},
                        {"0.5k", 500},
                        {"2T", 2199023255552},
                        {"1p", 1000000000000000},
                        {"1P", 1125899906842624},
                        {"0.0001K", 0}};
    for (const auto& row : rows) {
        INFO(row.text);
        CHECK(parse_size(row.text) == row.bytes);
    }
}

TEST_CASE("what is no size is refused") {
    for (const char* text : {"", "K", "-1", "+1", "1 K", "1KB", "1e3", "1.", ".5", "1.5.5", "1,5G", "0x10", "9000000P",
                             "99999999999999999999", "1.-5K"}) {
        INFO(text);
        CHECK_FALSE(parse_size(text));
    }
}

TEST_CASE("a size is shown in a unit that people read, and in bytes") {
    CHECK(size_text(512) == "512 bytes");
    CHECK(size_text(1610612736) == "1.500 GiB (1610612736 bytes)");
}
