// SPDX-License-Identifier: GPL-2.0-or-later
// After a sync the disks are equal, and little more than the difference has crossed the line.
#include "net_sync_rig.hpp"

using namespace mars;
using namespace mars::block;
using namespace mars::block::test;

namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

std::uint64_t bytes_on_the_wire(env::sim::World& world) {
    return world.network().link("10.0.0.1", "10.0.0.2").bytes_carried;
}

void check_finished(SyncBeta& beta) {
    REQUIRE(beta.finish());
    INFO((beta.ended->has_value() ? (*beta.ended)->text : beta.ended->error().text));
    REQUIRE(beta.ended->has_value());
    CHECK((*beta.ended)->kind == SyncEnd::Kind::finished);
    CHECK(beta.client->copied() == beta.plan.end);
    CHECK(beta.observer.offset == beta.plan.end);
}

} // namespace

TEST_CASE("sync: an identical disk of 64 MiB costs less than a thousandth of its size") {
    env::sim::World world(1);
    auto content = random_bytes(64 * kMiB, 5);
    SyncAlpha alpha(world, content);
    auto& machine = world.add_machine("beta", "10.0.0.2");
    set_contents(machine, content);
    SyncBeta beta(world, machine);
    check_finished(beta);
    CHECK(bytes_on_the_wire(world) < content.size() / 1000);
    auto counters = beta.client->counters();
    CHECK(counters.blocks_equal == content.size() / 4096);
    CHECK(counters.blocks_different == 0);
    CHECK(counters.bytes_sent + counters.bytes_received == bytes_on_the_wire(world));
    CHECK(alpha.source->bytes_read == content.size());
    stop_all(world, alpha);
}

TEST_CASE("sync: of a disk that differs in one block of a hundred only these cross the line") {
    env::sim::World world(2);
    auto content = random_bytes(32 * kMiB, 6);
    SyncAlpha alpha(world, content);
    auto old = content;
    std::size_t different = 0;
    for (std::size_t block = 17; block < content.size() / 4096; block += 100, ++different)
        old[block * 4096 + block % 4096] ^= std::byte{1};
    auto& machine = world.add_machine("beta", "10.0.0.2");
    set_contents(machine, old);
    SyncBeta beta(world, machine);
    check_finished(beta);
    CHECK(contents(machine) == content);
    CHECK(beta.client->counters().blocks_different == different);
    // Digests of all, short digests of one segment in six, the blocks themselves.
    CHECK(bytes_on_the_wire(world) < different * 4096 + different * 350 + content.size() / 1000);
    CHECK(alpha.source->bytes_read == content.size());
    stop_all(world, alpha);
}

TEST_CASE("sync: a disk that is all different is transferred once, with little on top") {
    env::sim::World world(3);
    auto content = random_bytes(16 * kMiB, 7);
    SyncAlpha alpha(world, content);
    auto& machine = world.add_machine("beta", "10.0.0.2");
    set_contents(machine, random_bytes(16 * kMiB, 8));
    SyncBeta beta(world, machine);
    check_finished(beta);
    CHECK(contents(machine) == content);
    CHECK(bytes_on_the_wire(world) < content.size() + content.size() / 100);
    stop_all(world, alpha);
}

TEST_CASE("sync: blocks of zeros cost no data") {
    env::sim::World world(4);
    Bytes content(16 * kMiB);
    content[5 * kMiB + 123] = std::byte{7};
    SyncAlpha alpha(world, content);
    auto& machine = world.add_machine("beta", "10.0.0.2");
    set_contents(machine, random_bytes(16 * kMiB, 9));
    SyncBeta beta(world, machine);
    check_finished(beta);
    CHECK(contents(machine) == content);
    CHECK(bytes_on_the_wire(world) < content.size() / 100);
    stop_all(world, alpha);
}

TEST_CASE("sync: odd sizes and odd beginnings") {
    for (std::size_t size :
         {std::size_t{512}, std::size_t{4096}, std::size_t{65536 + 512}, kMiB - 4096, 3 * kMiB + 7 * 4096 + 1536}) {
        CAPTURE(size);
        env::sim::World world(5);
        auto content = random_bytes(size, 10);
        SyncAlpha alpha(world, content);
        auto& machine = world.add_machine("beta", "10.0.0.2");
        set_contents(machine, random_bytes(size, 11));
        SyncBeta beta(world, machine);
        check_finished(beta);
        CHECK(contents(machine) == content);
        stop_all(world, alpha);
    }
    env::sim::World world(6);
    auto content = random_bytes(2 * kMiB, 12);
    SyncAlpha alpha(world, content);
    auto& machine = world.add_machine("beta", "10.0.0.2");
    auto old = random_bytes(2 * kMiB, 13);
    std::copy_n(content.begin(), kMiB + 5 * 4096, old.begin());
    set_contents(machine, old);
    SyncBeta beta(world, machine);
    beta.plan.start = kMiB + 5 * 4096; // not a multiple of a segment: as an older release may have left it
    check_finished(beta);
    CHECK(contents(machine) == content);
    stop_all(world, alpha);
}

TEST_CASE("sync: only the new part of a resource that has grown is compared") {
    env::sim::World world(7);
    auto content = random_bytes(8 * kMiB, 14);
    SyncAlpha alpha(world, content);
    auto& machine = world.add_machine("beta", "10.0.0.2");
    Bytes old(8 * kMiB);
    std::copy_n(content.begin(), 6 * kMiB, old.begin());
    set_contents(machine, old);
    SyncBeta beta(world, machine);
    beta.plan.start = 6 * kMiB;
    check_finished(beta);
    CHECK(contents(machine) == content);
    CHECK(alpha.source->bytes_read == 2 * kMiB);
    stop_all(world, alpha);
}

TEST_CASE("sync: a source that is smaller than the resource is told, not taken for the end") {
    env::sim::World world(8);
    auto content = random_bytes(2 * kMiB, 15);
    SyncAlpha alpha(world, content);
    auto& machine = world.add_machine("beta", "10.0.0.2");
    set_contents(machine, Bytes(4 * kMiB));
    SyncBeta beta(world, machine);
    REQUIRE(beta.finish());
    REQUIRE(beta.ended->has_value());
    CHECK((*beta.ended)->kind == SyncEnd::Kind::shorter);
    CHECK(beta.client->copied() == 2 * kMiB);
    stop_all(world, alpha);
}

TEST_CASE("sync: a local disk that is too small is refused before anything happens") {
    env::sim::World world(9);
    SyncAlpha alpha(world, Bytes(2 * kMiB));
    auto& machine = world.add_machine("beta", "10.0.0.2");
    set_contents(machine, Bytes(kMiB));
    SyncBeta beta(world, machine);
    beta.plan.end = 2 * kMiB;
    REQUIRE(beta.finish());
    REQUIRE(!beta.ended->has_value());
    CHECK(beta.ended->error().is(std::errc::invalid_argument));
    stop_all(world, alpha);
}
