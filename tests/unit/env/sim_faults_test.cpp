// SPDX-License-Identifier: GPL-2.0-or-later
// What the storage of a simulated machine can do to programs: errors, parts, slowness, standstills, lies, bad sectors.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cerrno>

#include "tests/unit/env/sim_rig.hpp"

using namespace mars;
using namespace mars::env;
using namespace mars::env::sim;
using namespace mars::env::sim::testing;

namespace {

Fault fault(std::vector<Operation> operations, std::string pattern) {
    Fault made;
    made.operations = std::move(operations);
    made.pattern = std::move(pattern);
    return made;
}

} // namespace

TEST_CASE("patterns of paths: a star stands for any characters") {
    CHECK(matches("/mars/x", "/mars/x"));
    CHECK_FALSE(matches("/mars/x", "/mars/xy"));
    CHECK(matches("/mars/*", "/mars/resource-a/log-1"));
    CHECK_FALSE(matches("/mars/*", "/mars"));
    CHECK(matches("/mars/*/log-*", "/mars/resource-a/log-1"));
    CHECK_FALSE(matches("/mars/*/log-*", "/mars/resource-a/replay-b"));
    CHECK(matches("*", ""));
}

TEST_CASE("a fault hits its operations on its names, within its time") {
    SimRig rig;
    auto row = fault({Operation::write}, "/mars/log-*");
    row.error = EIO;
    row.from = 10s;
    row.to = 20s;
    const auto number = rig.faults().add(row);
    auto log = rig.open("/mars/log-1");
    auto other = rig.open("/mars/other");
    const auto data = bytes(100);
    CHECK(rig.run(log->write(0, data)));
    rig.world.run_for(12s);
    const auto failed = rig.run(log->write(0, data));
    REQUIRE_FALSE(failed);
    CHECK(failed.error().code.value() == EIO);
    CHECK(failed.error().text.find("/mars/log-1") != std::string::npos);
    CHECK(rig.run(other->write(0, data)));
    CHECK(rig.run(log->sync_data()));
    CHECK(rig.faults().hits(number) == 1);
    rig.world.run_for(10s);
    CHECK(rig.run(log->write(0, data)));
}

TEST_CASE("a fault for some of the operations, and for so many of them") {
    SimRig rig;
    auto row = fault({Operation::look, Operation::symlink}, "/mars/*");
    row.error = EIO;
    row.times = 2;
    rig.faults().add(row);
    auto& storage = rig.process->storage();
    CHECK_FALSE(storage.read_symlink("/mars/uuid"));
    CHECK_FALSE(storage.write_symlink("/mars/uuid", "/mars/.tmp-uuid", "1", Stamp{1, 0}));
    CHECK(storage.write_symlink("/mars/uuid", "/mars/.tmp-uuid", "1", Stamp{1, 0}));
    CHECK(storage.read_symlink("/mars/uuid"));

    auto file = rig.open("/mars/file");
    auto often = fault({Operation::write}, "/mars/file");
    often.error = ENOSPC;
    often.percent = 30;
    const auto number = rig.faults().add(often);
    const auto data = bytes(10);
    std::uint64_t failed = 0;
    for (int i = 0; i < 200; ++i) failed += rig.run(file->write(0, data)) ? 0 : 1;
    CHECK(failed == rig.faults().hits(number));
    CHECK(failed > 30);
    CHECK(failed < 90);
    rig.faults().remove(number);
    CHECK(rig.run(file->write(0, data)));
}

TEST_CASE("a write in parts that fails has written some part") {
    SimRig rig;
    auto file = rig.open("/mars/file");
    auto row = fault({Operation::write}, "/mars/file");
    row.error = EIO;
    row.is_in_parts = true;
    rig.faults().add(row);
    const auto data = bytes(10'000);
    CHECK_FALSE(rig.run(file->write(0, data)));
    const auto& content = rig.contents("/mars/file");
    CHECK(content.size() > 0);
    CHECK(content.size() < data.size());
    CHECK(std::equal(content.begin(), content.end(), data.begin()));
}

TEST_CASE("a read in parts sees two moments") {
    SimRig rig;
    auto row = fault({Operation::read}, "/mars/file");
    row.is_in_parts = true;
    rig.faults().add(row);
    auto file = rig.open("/mars/file");
    const auto before = bytes(10'000, 1);
    const auto after = bytes(10'000, 2);
    bool is_torn = false;
    for (int i = 0; i < 50; ++i) {
        REQUIRE(rig.run(file->write(0, before)));
        std::vector<std::byte> into(10'000);
        auto read = rig.start(file->read(0, into));
        rig.world.run_for(150us);
        auto written = rig.start(file->write(0, after));
        REQUIRE(rig.world.run_until([&] { return read->has_value() && written->has_value(); }, 1s));
        REQUIRE(**read);
        CHECK(***read == into.size());
        is_torn = is_torn || (into != before && into != after);
    }
    CHECK(is_torn);
}

TEST_CASE("a failed sync has lost some of the data, and a later one does not bring it back") {
    int lost = 0;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        SimRig rig(seed);
        auto file = rig.open("/mars/file");
        REQUIRE(rig.run(rig.process->storage().sync_directory("/mars")));
        REQUIRE(rig.run(file->write(0, bytes(512, 1))));
        REQUIRE(rig.run(file->write(512, bytes(512, 2))));
        auto row = fault({Operation::sync}, "/mars/file");
        row.error = EIO;
        row.times = 1;
        rig.faults().add(row);
        CHECK_FALSE(rig.run(file->sync_data()));
        CHECK(rig.contents("/mars/file").size() == 1024); // the page cache has it
        CHECK(rig.run(file->sync_data()));                // and nothing is dirty
        file.reset();
        rig.restart();
        const auto& content = rig.contents("/mars/file");
        auto whole = bytes(512, 1);
        const auto second = bytes(512, 2);
        whole.insert(whole.end(), second.begin(), second.end());
        if (content != whole) ++lost;
    }
    CHECK(lost > 5);
    CHECK(lost < 20);
}

TEST_CASE("a slow disk takes so many times as long") {
    const auto took = [](std::uint64_t slower) {
        SimRig rig;
        auto row = fault({}, "/disks/slow");
        row.slower = slower;
        rig.faults().add(row);
        rig.machine.filesystem().add_disk("/disks/slow", 4096);
        auto file = rig.open("/disks/slow");
        const auto began = rig.world.now();
        REQUIRE(rig.run(file->write(0, bytes(4096))));
        return rig.world.now() - began;
    };
    CHECK(took(1) <= 320us);
    CHECK(took(100) >= 2ms);
    CHECK(took(100) <= 32ms);
}

TEST_CASE("what stands still goes on when it is over, with all that has waited; a cancelled wait, too") {
    SimRig rig;
    rig.machine.filesystem().add_disk("/disks/d", 8192);
    auto disk = rig.open("/disks/d");
    auto file = rig.open("/mars/file");
    auto row = fault({}, "/disks/d");
    row.stands_still = true;
    row.to = rig.world.now() + 30s;
    rig.faults().add(row);
    const auto data = bytes(4096);
    auto write = rig.start(disk->write(0, data));
    auto sync = rig.start(disk->sync_data());
    REQUIRE(rig.run(file->write(0, data))); // another file is not concerned
    rig.tasks->cancel();
    rig.world.run_for(29s);
    CHECK_FALSE(write->has_value());
    CHECK_FALSE(sync->has_value());
    CHECK(rig.contents("/disks/d") == std::vector<std::byte>(8192));
    REQUIRE(rig.world.run_until([&] { return rig.tasks->live() == 0; }, 2s));
}

TEST_CASE("what stands still for ever goes on when the row is removed") {
    SimRig rig;
    auto file = rig.open("/mars/file");
    auto row = fault({Operation::sync}, "/mars/file");
    row.stands_still = true;
    const auto number = rig.faults().add(row);
    const auto data = bytes(4096);
    REQUIRE(rig.run(file->write(0, data)));
    auto sync = rig.start(file->sync_data());
    rig.world.run_for(1h);
    CHECK_FALSE(sync->has_value());
    rig.faults().remove(number);
    REQUIRE(rig.world.run_until([&] { return sync->has_value(); }, 1s));
    CHECK(**sync);
}

TEST_CASE("a disk that lies loses at the next power cut what it has called durable") {
    int lost = 0;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        SimRig rig(seed);
        rig.machine.filesystem().add_disk("/disks/d", 4096);
        auto row = fault({Operation::sync, Operation::sync_names}, "*");
        row.is_hollow = true;
        rig.faults().add(row);
        auto disk = rig.open("/disks/d");
        const auto data = bytes(4096);
        REQUIRE(rig.run(disk->write(0, data)));
        REQUIRE(rig.run(disk->sync_data()));
        REQUIRE(rig.process->storage().write_symlink("/mars/k", "/mars/.tmp-k", "1", Stamp{1, 0}));
        REQUIRE(rig.run(rig.process->storage().sync_directory("/mars")));
        disk.reset();
        rig.restart();
        if (rig.contents("/disks/d") != data || !rig.process->storage().read_symlink("/mars/k")) ++lost;
    }
    CHECK(lost > 10);
}

TEST_CASE("an unreadable sector fails reads until it is written as a whole") {
    SimRig rig;
    rig.machine.filesystem().add_disk("/disks/d", 16 * 512);
    auto& inode = *rig.machine.filesystem().find("/disks/d")->inode;
    auto disk = rig.open("/disks/d");
    inode.unreadable.insert(5);
    std::vector<std::byte> into(16 * 512);
    const auto read = rig.run(disk->read(0, into));
    REQUIRE_FALSE(read);
    CHECK(read.error().code.value() == EIO);
    CHECK(rig.run(disk->read(0, std::span(into).first(5 * 512))));
    CHECK(rig.run(disk->read(6 * 512, std::span(into).first(512))));
    CHECK_FALSE(rig.run(disk->write(5 * 512 + 8, bytes(8))));
    CHECK_FALSE(rig.run(disk->read(0, into)));
    CHECK(rig.run(disk->write(5 * 512, bytes(512))));
    CHECK(rig.run(disk->read(0, into)));
}

TEST_CASE("flipped bits are delivered until they are overwritten, and outlive a power cut") {
    SimRig rig;
    auto file = rig.open("/mars/file");
    REQUIRE(rig.run(rig.process->storage().sync_directory("/mars")));
    const auto data = bytes(1000);
    REQUIRE(rig.run(file->write(0, data)));
    REQUIRE(rig.run(file->sync_data()));
    rig.machine.filesystem().find("/mars/file")->inode->flip(700, std::byte{0x10});
    file.reset();
    rig.restart();
    CHECK(rig.contents("/mars/file")[700] == (data[700] ^ std::byte{0x10}));
    file = rig.open("/mars/file");
    REQUIRE(rig.run(file->write(0, data)));
    CHECK(rig.contents("/mars/file") == data);
}
