// SPDX-License-Identifier: GPL-2.0-or-later
// Disk: any sector-wise request is served exactly, however it is aligned and whatever runs next to it.
#include "kernel/block/disk.hpp"

#include "tests/unit/block/rig.hpp"

using namespace mars;
using namespace mars::env;
using namespace mars::test;
using block::Disk;

namespace {

// Writes and reads only its own sectors, and checks that it always reads what it wrote last.
task<void> work(Rig& rig, Disk& disk, std::vector<int>& owner, int self, std::vector<std::byte>& model) {
    for (int round = 0; round < 60; ++round) {
        std::uint64_t first = rig.random().below(owner.size());
        if (owner[first] != self) continue;
        std::uint64_t last = first;
        while (last < owner.size() && owner[last] == self && rig.random().chance(90)) ++last;
        const std::uint64_t offset = first * 512, bytes = (last - first) * 512;
        auto memory = random_bytes(rig.random(), bytes + 64);
        const std::size_t shift = rig.random().below(2) * 8;
        auto data = std::span(memory).subspan(shift, bytes);
        auto written = co_await disk.write(offset, data, rig.random().chance(10));
        REQUIRE(written);
        std::copy(data.begin(), data.end(), model.begin() + static_cast<std::ptrdiff_t>(offset));
        std::vector<std::byte> back(bytes);
        auto read = co_await disk.read(offset, back);
        REQUIRE(read);
        REQUIRE(std::equal(back.begin(), back.end(), data.begin()));
    }
}

task<void> open_disk(Rig& rig, std::string path, std::optional<std::uint64_t> size,
                     std::optional<result<std::unique_ptr<Disk>>>& out) {
    auto opened = co_await Disk::open(*rig.env, std::move(path), size);
    out.emplace(std::move(opened));
}

result<std::unique_ptr<Disk>> open_now(Rig& rig, std::string path, std::optional<std::uint64_t> size = std::nullopt) {
    std::optional<result<std::unique_ptr<Disk>>> opened;
    rig.run(open_disk(rig, std::move(path), size, opened));
    return *std::move(opened);
}

} // namespace

TEST_CASE("concurrent writes to neighbouring sectors never disturb each other") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        INFO("seed " << seed);
        Rig rig(seed);
        const std::uint64_t sectors = 200 + seed % 8; // the last block is incomplete, mostly
        rig.machine.filesystem().add_disk("/disks/d", sectors * 512);
        auto disk = open_now(rig, "/disks/d");
        REQUIRE(disk);
        CHECK((*disk)->size() == sectors * 512);

        constexpr int kWorkers = 6;
        std::vector<int> owner;
        while (owner.size() < sectors) {
            const auto run = 1 + rig.random().below(20);
            const auto who = static_cast<int>(rig.random().below(kWorkers));
            for (std::uint64_t i = 0; i < run && owner.size() < sectors; ++i) owner.push_back(who);
        }
        std::vector<std::byte> model(sectors * 512);
        TaskGroup group(*rig.env);
        for (int w = 0; w < kWorkers; ++w) group.spawn("worker", work(rig, **disk, owner, w, model));
        REQUIRE(rig.world.run_until([&] { return group.live() == 0; }, 1h));
        CHECK(*rig.machine.filesystem().contents("/disks/d") == model);
        rig.halt();
    }
}

TEST_CASE("flushed writes survive a power cut") {
    Rig rig(7);
    auto inode = rig.machine.filesystem().add_disk("/disks/d", 64 * 1024);
    auto disk = open_now(rig, "/disks/d");
    REQUIRE(disk);
    auto data = random_bytes(rig.random(), 5 * 512);
    auto write = [&]() -> task<void> {
        auto written = co_await (*disk)->write(512, data, false);
        REQUIRE(written);
        auto flushed = co_await (*disk)->flush();
        REQUIRE(flushed);
    };
    rig.run(write());
    rig.machine.power_cut();
    CHECK(std::equal(data.begin(), data.end(), inode->current.begin() + 512));
    rig.halt();
}

TEST_CASE("a disk is refused with path, expected and found size") {
    Rig rig(1);
    rig.machine.filesystem().add_disk("/disks/d", 64 * 1024);
    rig.machine.filesystem().add_disk("/disks/odd", 1000, false);
    auto small = open_now(rig, "/disks/d", 128 * 1024);
    REQUIRE_FALSE(small);
    CHECK(small.error().is(std::errc::invalid_argument));
    CHECK(small.error().text == "disk /disks/d: expected at least 131072 bytes, found 65536");
    auto odd = open_now(rig, "/disks/odd");
    REQUIRE_FALSE(odd);
    CHECK(odd.error().text == "disk /disks/odd: expected a size in multiples of 512, found 1000");
    auto missing = open_now(rig, "/disks/none");
    REQUIRE_FALSE(missing);
    CHECK(missing.error().is(std::errc::no_such_file_or_directory));
    auto held = open_now(rig, "/disks/d", 32 * 1024);
    REQUIRE(held);
    CHECK((*held)->size() == 32 * 1024);
    auto busy = open_now(rig, "/disks/d");
    REQUIRE_FALSE(busy);
    CHECK(busy.error().is(std::errc::device_or_resource_busy));
}

TEST_CASE("requests outside of the device or within a sector are refused") {
    Rig rig(1);
    rig.machine.filesystem().add_disk("/disks/d", 8192);
    auto disk = open_now(rig, "/disks/d", 4096);
    REQUIRE(disk);
    auto attempt = [&]() -> task<void> {
        std::vector<std::byte> buffer(1024);
        auto beyond = co_await (*disk)->read(3584, buffer);
        CHECK(beyond.error().is(std::errc::invalid_argument));
        auto part = co_await (*disk)->write(256, buffer, false);
        CHECK(part.error().is(std::errc::invalid_argument));
        auto huge = co_await (*disk)->write(~std::uint64_t(511), buffer, false);
        CHECK(huge.error().is(std::errc::invalid_argument));
        auto grown = co_await (*disk)->grow(8192);
        CHECK(grown);
        auto now = co_await (*disk)->read(3584, buffer);
        CHECK(now);
        auto shrunk = co_await (*disk)->grow(4096);
        CHECK_FALSE(shrunk);
    };
    rig.run(attempt());
}

TEST_CASE("a disk has one user, also a regular file") {
    Rig rig(1);
    rig.machine.filesystem().add_disk("/disks/device", 8192);
    rig.machine.filesystem().add_disk("/disks/file", 8192, false);
    for (const char* path : {"/disks/device", "/disks/file"}) {
        INFO(path);
        auto first = open_now(rig, path);
        REQUIRE(first);
        auto second = open_now(rig, path);
        REQUIRE_FALSE(second);
        CHECK(second.error().is(std::errc::device_or_resource_busy));
        first->reset();
        CHECK(open_now(rig, path));
    }
}

TEST_CASE("a disk that was pulled is suspect, and work goes on with the one that comes back") {
    Rig rig(2);
    auto& filesystem = rig.machine.filesystem();
    filesystem.add_disk("/disks/d", 8192);
    auto disk = *open_now(rig, "/disks/d");
    const auto data = random_bytes(rig.random(), 4096);
    const auto write = [&](std::uint64_t offset) {
        bool is_done = false;
        auto work = [](Disk& d, std::uint64_t at, std::span<const std::byte> bytes, bool& done) -> task<void> {
            auto written = co_await d.write(at, bytes, false);
            done = written.has_value();
        };
        rig.run(work(*disk, offset, data, is_done));
        return is_done;
    };
    const auto flush = [&] {
        bool is_done = false;
        auto work = [](Disk& d, bool& done) -> task<void> {
            auto flushed = co_await d.flush();
            done = flushed.has_value();
        };
        rig.run(work(*disk, is_done));
        return is_done;
    };
    filesystem.fault = [](sim::Operation operation, const std::string&) {
        return operation == sim::Operation::write ? std::optional(ENOSPC) : std::nullopt;
    };
    CHECK_FALSE(write(0));
    CHECK_FALSE(disk->is_suspect()); // a full one is the right one
    filesystem.fault = nullptr;
    REQUIRE(write(0));

    filesystem.pull_disk("/disks/d");
    CHECK_FALSE(write(0));
    CHECK(disk->is_suspect());
    CHECK(open_now(rig, "/disks/d").error().is(std::errc::no_such_file_or_directory));
    filesystem.plug_disk("/disks/d");
    CHECK_FALSE(write(0)); // the old one stays dead
    auto other = open_now(rig, "/disks/d");
    REQUIRE(other);
    REQUIRE(disk->continue_on(**other, true));
    CHECK_FALSE(disk->is_suspect());
    CHECK(write(4096));
    CHECK_FALSE(flush()); // what was written since the last one may have gone with the old disk
    CHECK(write(0));
    CHECK(flush());
    rig.machine.power_cut();
    CHECK(std::equal(data.begin(), data.end(), filesystem.contents("/disks/d")->begin()));
}
