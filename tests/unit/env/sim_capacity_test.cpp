// SPDX-License-Identifier: GPL-2.0-or-later
// A simulated filesystem that is full, in blocks or in inodes.
#include <catch2/catch.hpp>

#include <cerrno>

#include "tests/unit/env/sim_rig.hpp"

using namespace mars;
using namespace mars::env;
using namespace mars::env::sim;
using namespace mars::env::sim::testing;

namespace {

constexpr std::uint64_t kBlock = 4096;

std::uint64_t free_blocks(SimRig& rig) {
    auto space = rig.process->storage().space("/mars");
    REQUIRE(space);
    return space->available_bytes / kBlock;
}

result<void> put_link(SimRig& rig, const std::string& name, std::size_t length) {
    return rig.process->storage().write_symlink("/mars/" + name, "/mars/.tmp-" + name, std::string(length, 'v'),
                                                Stamp{1, 0});
}

} // namespace

TEST_CASE("files take whole blocks, long symlinks and directories one each; others stay as they are") {
    SimRig rig;
    rig.machine.filesystem().set_capacity("/mars", 10 * kBlock);
    CHECK(free_blocks(rig) == 10);
    auto file = rig.open("/mars/file");
    CHECK(free_blocks(rig) == 10);
    REQUIRE(rig.run(file->write(0, bytes(kBlock + 1))));
    CHECK(free_blocks(rig) == 8);
    REQUIRE(put_link(rig, "short", 59));
    CHECK(free_blocks(rig) == 8);
    REQUIRE(put_link(rig, "long", 60));
    CHECK(free_blocks(rig) == 7);
    REQUIRE(put_link(rig, "long", 59));
    CHECK(free_blocks(rig) == 8);
    REQUIRE(rig.process->storage().make_directory("/mars/d"));
    CHECK(free_blocks(rig) == 7);
    REQUIRE(rig.process->storage().make_directory("/tmp/d"));
    CHECK(free_blocks(rig) == 7);
    CHECK(rig.process->storage().space("/tmp")->available_bytes > 100 * kBlock);
    CHECK(rig.process->storage().space("/mars/d")->total_bytes == 10 * kBlock);
    REQUIRE(rig.run(file->resize(0)));
    CHECK(free_blocks(rig) == 9);
}

TEST_CASE("a full filesystem takes what fits, fails, and goes on when there is room again") {
    SimRig rig;
    rig.machine.filesystem().set_capacity("/mars", 4 * kBlock);
    auto file = rig.open("/mars/file");
    const auto failed = rig.run(file->write(0, bytes(6 * kBlock)));
    REQUIRE_FALSE(failed);
    CHECK(failed.error().is(std::errc::no_space_on_device));
    CHECK(rig.contents("/mars/file").size() == 4 * kBlock);
    CHECK(free_blocks(rig) == 0);
    CHECK(rig.run(file->write(100, bytes(1000)))); // nothing new is needed
    CHECK_FALSE(put_link(rig, "long", 60));
    CHECK(put_link(rig, "short", 10));
    CHECK_FALSE(rig.process->storage().make_directory("/mars/d"));
    CHECK_FALSE(rig.process->storage().touch_file("/mars/note", "text"));
    REQUIRE(rig.run(file->resize(kBlock)));
    CHECK(put_link(rig, "long", 60));
    CHECK(rig.process->storage().touch_file("/mars/note", "text"));
}

TEST_CASE("a removed file keeps its blocks while it is open") {
    SimRig rig;
    rig.machine.filesystem().set_capacity("/mars", 4 * kBlock);
    auto file = rig.open("/mars/file");
    REQUIRE(rig.run(file->write(0, bytes(3 * kBlock))));
    REQUIRE(rig.process->storage().remove("/mars/file"));
    CHECK(free_blocks(rig) == 1);
    file.reset();
    CHECK(free_blocks(rig) == 4);
}

TEST_CASE("a filesystem without free inodes takes no new names, though there are blocks") {
    SimRig rig;
    rig.machine.filesystem().set_capacity("/mars", 100 * kBlock, 3);
    auto file = rig.open("/mars/file");
    REQUIRE(put_link(rig, "k", 1));
    CHECK(rig.machine.filesystem().free_inodes() == 1);
    REQUIRE(put_link(rig, "l", 1));
    const auto failed = put_link(rig, "l", 2); // a replacement needs another inode for a moment
    REQUIRE_FALSE(failed);
    CHECK(failed.error().is(std::errc::no_space_on_device));
    CHECK(rig.run(file->write(0, bytes(10 * kBlock))));
    REQUIRE(rig.process->storage().remove("/mars/k"));
    CHECK(put_link(rig, "l", 2));
}
