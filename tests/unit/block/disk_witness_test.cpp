// SPDX-License-Identifier: GPL-2.0-or-later
// The witness of a disk as a file. What it proves: tests/e2e/disk_proof_test.py, and the storage steps of mars-sim.
#include "kernel/block/disk_witness.hpp"

#include <catch2/catch.hpp>

using namespace mars;
using namespace mars::block;

namespace {

DiskWitness sample() {
    DiskWitness witness;
    witness.at = {{3, "alpha"}, 41943040};
    witness.disk_bytes = 107374182400;
    witness.identity = "wwid=naa.5000c500a1b2c3d4";
    witness.attached = {1795746123, 0};
    witness.sums = {{0, std::string(128, 'a')}, {77, std::string(128, '0')}};
    return witness;
}

} // namespace

TEST_CASE("a witness is read as it was written") {
    const auto text = sample().text();
    const auto found = DiskWitness::parse(text);
    REQUIRE(found);
    CHECK(found->at == sample().at);
    CHECK(found->disk_bytes == sample().disk_bytes);
    CHECK(found->identity == sample().identity);
    CHECK(found->attached == sample().attached);
    CHECK(found->sums == sample().sums);
    CHECK(found->text() == text);
}

TEST_CASE("a witness that was changed or cut off is none") {
    const auto text = sample().text();
    for (std::size_t length = 0; length < text.size(); ++length)
        CHECK_FALSE(DiskWitness::parse(text.substr(0, length)));
    for (std::size_t at = 0; at < text.size(); ++at) {
        auto changed = text;
        changed[at] = static_cast<char>(changed[at] ^ 1);
        CHECK_FALSE(DiskWitness::parse(changed));
    }
    CHECK_FALSE(DiskWitness::parse(text + text));
}
