// SPDX-License-Identifier: GPL-2.0-or-later
// /dev/mars/NAME by FUSE and loop: what applications may expect of it.
#include <catch2/catch.hpp>

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <filesystem>

#include "kernel/export/real/leftovers.hpp"
#include "tests/unit/export/export_host.hpp"

using namespace mars;
using namespace mars::exports;
using namespace mars::exports::testing;

namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;
constexpr std::chrono::milliseconds kMoment{50}; // to see that something does not happen: proves little, costs little

std::string queue_of(const std::string& node, const std::string& what) {
    struct stat st {};
    REQUIRE(::stat(node.c_str(), &st) == 0);
    return first_line("/sys/block/loop" + std::to_string(minor(st.st_rdev)) + "/" + what);
}

task<void> close_now(Export& e) {
    auto closed = co_await e.close();
    if (!closed) FAIL("close: " << closed.error().text);
}

} // namespace

TEST_CASE("the device has the right size and limits, and leaves nothing behind") {
    SKIP_WITHOUT_FUSE_LOOP();
    ExportHost host;
    RamDevice device(8 * kMiB + 512);
    host.run([&]() -> task<void> {
        auto e = co_await host.create(device);
        struct stat st {};
        REQUIRE(::stat(host.node().c_str(), &st) == 0);
        CHECK(S_ISBLK(st.st_mode));
        CHECK(queue_of(host.node(), "size") == std::to_string(device.size() / 512));
        CHECK(queue_of(host.node(), "queue/write_cache") == "write back");
        CHECK(queue_of(host.node(), "queue/discard_max_bytes") == "0");
        CHECK(queue_of(host.node(), "queue/write_zeroes_max_bytes") == "0");
        CHECK(queue_of(host.node(), "queue/logical_block_size") == "512");
        CHECK(queue_of(host.node(), "loop/dio") == "1");
        CHECK(queue_of(host.node(), "loop/partscan") == "0");
        CHECK(e->state().find(host.node() + " is /dev/loop") == 0);
        auto closed = co_await e->try_close();
        CHECK(closed.value());
        CHECK(e->open_count() == 0);
    });
    CHECK(std::filesystem::is_empty(host.paths.devices));
    CHECK(std::filesystem::is_empty(host.paths.run));
}

TEST_CASE("what is written arrives, unsynced data at the latest when the device closes") {
    SKIP_WITHOUT_FUSE_LOOP();
    ExportHost host;
    RamDevice device(16 * kMiB);
    auto image = host.path("image");
    host.run([&]() -> task<void> {
        auto e = co_await host.create(device);
        int made = co_await host.shell("head -c 16777216 /dev/urandom > " + image);
        CHECK(made == 0);
        int copied = co_await host.shell("dd if=" + image + " of=" + host.node() + " bs=64k status=none");
        CHECK(copied == 0);
        co_await close_now(*e);
    });
    std::ifstream in(image, std::ios::binary);
    std::string content((std::istreambuf_iterator<char>(in)), {});
    CHECK(std::memcmp(content.data(), device.data.data(), device.data.size()) == 0);
    host.run([&]() -> task<void> { // and comes back, also by odd readers
        auto e = co_await host.create(device);
        int same = co_await host.shell("cmp " + image + " " + host.node());
        CHECK(same == 0);
        int direct =
            co_await host.shell("dd if=" + host.node() +
                                " bs=512 skip=3 count=7 iflag=direct status=none | cmp -n 3584 " + image + " - 1536 0");
        CHECK(direct == 0);
        co_await close_now(*e);
    });
}

TEST_CASE("fsync, O_SYNC and O_DSYNC reach the device as flushes") {
    SKIP_WITHOUT_FUSE_LOOP();
    ExportHost host;
    RamDevice device(16 * kMiB);
    host.run([&]() -> task<void> {
        auto e = co_await host.create(device);
        const std::string dd = "dd if=/dev/zero of=" + host.node() + " bs=4k count=5 status=none ";
        struct Case {
            const char* flags;
            int least;
        };
        const Case cases[] = {
            {"conv=fsync", 1}, {"conv=fdatasync", 1}, {"oflag=direct,sync", 5}, {"oflag=direct,dsync", 5}};
        for (const auto& c : cases) {
            int before = device.flushes;
            int code = co_await host.shell(dd + c.flags);
            INFO(c.flags);
            CHECK(code == 0);
            CHECK(device.flushes - before >= c.least);
        }
        co_await close_now(*e);
    });
}

TEST_CASE("a filesystem lives on it, is counted, and its fsync flushes") {
    SKIP_WITHOUT_FUSE_LOOP();
    ExportHost host;
    RamDevice device(32 * kMiB);
    auto mnt = host.path("mnt");
    std::filesystem::create_directory(mnt);
    host.run([&]() -> task<void> {
        auto e = co_await host.create(device);
        int made =
            co_await host.shell("mkfs.ext4 -q -E nodiscard " + host.node() + " && mount " + host.node() + " " + mnt);
        REQUIRE(made == 0);
        bool counted = co_await host.eventually(
            e->changed(), [&] { return e->open_count() == 1 && e->state().find("mounted") != std::string::npos; });
        CHECK(counted);
        int before = device.flushes;
        int wrote = co_await host.shell("dd if=/dev/zero of=" + mnt + "/f bs=4k count=10 conv=fsync status=none");
        CHECK(wrote == 0);
        CHECK(device.flushes > before);
        auto refused = co_await e->try_close();
        CHECK_FALSE(refused.value());
        int touched = co_await host.shell("touch " + mnt + "/after-refusal && umount " + mnt);
        CHECK(touched == 0);
        bool free = co_await host.eventually(e->changed(), [&] { return e->open_count() == 0; });
        CHECK(free);
        co_await close_now(*e);
    });
    host.run([&]() -> task<void> {
        auto e = co_await host.create(device);
        int same = co_await host.shell("fsck.ext4 -fn " + host.node() + " >/dev/null && mount " + host.node() + " " +
                                       mnt + " && test -e " + mnt + "/after-refusal && umount " + mnt);
        CHECK(same == 0);
        co_await close_now(*e);
    });
}

TEST_CASE("openers are counted: one, two, killed, shared, other block devices, swap") {
    SKIP_WITHOUT_FUSE_LOOP();
    ExportHost host;
    RamDevice device(16 * kMiB);
    host.run([&]() -> task<void> {
        auto e = co_await host.create(device);
        auto count_is = [&](int n) -> task<void> {
            const auto is_reached = [&] { return e->open_count() == n; };
            bool reached = co_await host.eventually(e->changed(), is_reached);
            INFO("expected " << n << ": " << e->state());
            CHECK(reached);
        };
        co_await count_is(0);
        {
            Program one("exec 3<>" + host.node() + "; sleep 1000 & wait"); // sleep shares it
            co_await count_is(1);
            Program two("exec sleep 1000 <" + host.node());
            co_await count_is(2);
            two.kill(SIGKILL);
            co_await count_is(1);
            auto refused = co_await e->try_close();
            CHECK_FALSE(refused.value());
            CHECK(e->state().find("pid") != std::string::npos);
            one.kill(SIGKILL); // the shell is dead, but its child still holds the device
            bool fewer = co_await host.eventually(
                e->changed(), [&] { return e->open_count() != 1; }, kMoment);
            CHECK_FALSE(fewer);
        }
        co_await count_is(0);
        int on_top = co_await host.shell("losetup -f --show " + host.node() + " > " + host.path("top"));
        CHECK(on_top == 0);
        co_await count_is(1);
        int off = co_await host.shell("losetup -d $(cat " + host.path("top") + ")");
        CHECK(off == 0);
        co_await count_is(0);
        int swap = co_await host.shell("mkswap " + host.node() + " >/dev/null && swapon -p 0 " + host.node());
        if (swap == 0) {
            co_await count_is(1);
            int swapoff = co_await host.shell("swapoff " + host.node());
            CHECK(swapoff == 0);
            co_await count_is(0);
        } else {
            WARN("SKIPPED: swapon is not possible here");
        }
        co_await close_now(*e);
    });
}

TEST_CASE("a device whose node somebody has removed can be closed all the same") {
    SKIP_WITHOUT_FUSE_LOOP();
    ExportHost host;
    RamDevice device(4 * kMiB);
    host.run([&]() -> task<void> {
        auto e = co_await host.create(device);
        std::filesystem::remove(host.node());
        co_await close_now(*e);
    });
    CHECK(std::filesystem::is_empty(host.paths.devices));
}

TEST_CASE("close waits for the last opener") {
    SKIP_WITHOUT_FUSE_LOOP();
    ExportHost host;
    RamDevice device(4 * kMiB);
    host.run([&]() -> task<void> {
        auto e = co_await host.create(device);
        auto holder = std::make_unique<Program>("exec sleep 1000 <" + host.node());
        bool held = co_await host.eventually(e->changed(), [&] { return e->open_count() == 1; });
        CHECK(held);
        bool closed = false;
        env::TaskGroup group(host.env);
        auto closing = [&]() -> task<void> {
            co_await close_now(*e);
            closed = true;
        };
        group.spawn("close", closing());
        co_await host.env.clock().sleep(
            std::chrono::milliseconds(50)); // not a proof, but catches a close that never waits
        CHECK_FALSE(closed);
        holder.reset();
        co_await group.join();
        CHECK(closed);
        CHECK_FALSE(std::filesystem::exists(host.node()));
    });
}

TEST_CASE("an unwilling close can be given up") {
    SKIP_WITHOUT_FUSE_LOOP();
    ExportHost host;
    RamDevice device(4 * kMiB);
    host.run([&]() -> task<void> {
        auto e = co_await host.create(device);
        {
            Program holder("exec sleep 1000 <" + host.node());
            bool held = co_await host.eventually(e->changed(), [&] { return e->open_count() == 1; });
            CHECK(held);
            env::TaskGroup group(host.env);
            auto closing = [&]() -> task<void> { co_await close_now(*e); };
            group.spawn("close", closing());
            co_await host.env.clock().sleep(std::chrono::milliseconds(5));
            co_await group.stop();
            int readable = co_await host.shell("head -c 512 " + host.node() + " >/dev/null");
            CHECK(readable == 0);
        }
        co_await close_now(*e);
    });
}

TEST_CASE("the device grows while it is open") {
    SKIP_WITHOUT_FUSE_LOOP();
    ExportHost host;
    RamDevice device(4 * kMiB);
    host.run([&]() -> task<void> {
        auto e = co_await host.create(device);
        {
            Program holder("exec sleep 1000 <" + host.node());
            device.data.resize(6 * kMiB);
            auto grown = co_await e->grow();
            CHECK(grown);
            CHECK(queue_of(host.node(), "size") == std::to_string(6 * kMiB / 512));
            int wrote = co_await host.shell("dd if=/dev/zero of=" + host.node() +
                                            " bs=1M seek=5 count=1 oflag=direct status=none");
            CHECK(wrote == 0);
        }
        co_await close_now(*e);
    });
}

TEST_CASE("errors of the device reach the application") {
    SKIP_WITHOUT_FUSE_LOOP();
    ExportHost host;
    RamDevice device(4 * kMiB);
    host.run([&]() -> task<void> {
        auto e = co_await host.create(device);
        device.is_broken = true;
        int failed = co_await host.shell("dd if=/dev/zero of=" + host.node() +
                                         " bs=4k count=1 oflag=direct status=none 2>/dev/null");
        CHECK(failed != 0);
        device.is_broken = false;
        int works =
            co_await host.shell("dd if=/dev/zero of=" + host.node() + " bs=4k count=1 oflag=direct status=none");
        CHECK(works == 0);
        co_await close_now(*e);
    });
}

TEST_CASE("abort takes the device away from its openers, and what is cut from outside is told") {
    SKIP_WITHOUT_FUSE_LOOP();
    ExportHost host;
    RamDevice device(4 * kMiB);
    bool cut = GENERATE(false, true);
    host.run([&]() -> task<void> {
        auto e = co_await host.create(device);
        Program holder("exec sleep 1000 <" + host.node());
        bool held = co_await host.eventually(e->changed(), [&] { return e->open_count() == 1; });
        CHECK(held);
        if (cut) {
            int gone = co_await host.shell("umount -f " + host.paths.mountpoint("data") + " 2>/dev/null || umount -l " +
                                           host.paths.mountpoint("data"));
            CHECK(gone == 0);
        }
        co_await e->abort();
        CHECK_FALSE(std::filesystem::exists(host.node()));
    });
}

TEST_CASE("a device whose connection was cut is made anew as soon as nobody has it open") {
    SKIP_WITHOUT_FUSE_LOOP();
    ExportHost host;
    RamDevice device(4 * kMiB);
    host.run([&]() -> task<void> {
        auto e = co_await host.create(device);
        auto holder = std::make_unique<Program>("exec sleep 1000 <" + host.node());
        bool held = co_await host.eventually(e->changed(), [&] { return e->open_count() == 1; });
        CHECK(held);
        int gone = co_await host.shell("umount -f " + host.paths.mountpoint("data") + " 2>/dev/null || umount -l " +
                                       host.paths.mountpoint("data"));
        CHECK(gone == 0);
        // Each end is noticed in a moment.
        auto looked = co_await e->look_after();
        for (int i = 0; i < 10'000 && looked; ++i) looked = co_await e->look_after();
        REQUIRE_FALSE(looked);
        CHECK(looked.error().is(std::errc::device_or_resource_busy));
        holder.reset();
        for (int i = 0; i < 10'000 && looked.error().is(std::errc::device_or_resource_busy); ++i) {
            looked = co_await e->look_after();
            REQUIRE_FALSE(looked);
        }
        CHECK(looked.error().is(std::errc::not_connected));
        co_await e->abort();
    });
}

TEST_CASE("what cannot be shown is refused, and leaves nothing") {
    SKIP_WITHOUT_FUSE_LOOP();
    ExportHost host;
    RamDevice empty(0), odd(1000), good(kMiB);
    std::filesystem::create_directory(host.paths.devices);
    std::ofstream(host.node()) << "somebody's dd has made this";
    host.run([&]() -> task<void> {
        auto no_size = co_await host.provider.create("data", empty);
        CHECK(no_size.error().is(std::errc::invalid_argument));
        auto part = co_await host.provider.create("data", odd);
        CHECK(part.error().is(std::errc::invalid_argument));
        auto name = co_await host.provider.create("../data", good);
        CHECK(name.error().is(std::errc::invalid_argument));
        auto file = co_await host.provider.create("data", good);
        CHECK(file.error().is(std::errc::file_exists));
    });
    CHECK(first_line(host.node()) == "somebody's dd has made this");
    std::filesystem::remove(host.node());
    host.run([&]() -> task<void> {
        auto e = co_await host.create(good);
        auto twice = co_await host.provider.create("data", good);
        CHECK(twice.error().is(std::errc::device_or_resource_busy));
        co_await close_now(*e);
    });
}

namespace {

// Serves `size` bytes as "data" in a process of its own, until killed.
class Server {
  public:
    Server(const ExportPaths& paths, std::size_t size) {
        int ends[2];
        REQUIRE(::pipe(ends) == 0);
        pid_ = ::fork();
        if (pid_ == 0) {
            env::asio::io_context context;
            env::RealEnv env(context, env::LogLevel::error);
            RamDevice device(size);
            FuseLoopProvider provider(env, paths);
            std::unique_ptr<Export> made;
            env::testing::run(context, [&]() -> task<void> {
                auto e = co_await provider.create("data", device);
                if (!e) ::_exit(1);
                made = std::move(*e);
                (void)!::write(ends[1], "x", 1);
                ::close(ends[1]);
                while (true) co_await env.clock().sleep(std::chrono::hours(1));
            });
        }
        ::close(ends[1]);
        char ready = 0;
        REQUIRE(::read(ends[0], &ready, 1) == 1);
        ::close(ends[0]);
    }
    ~Server() { kill(); }
    void kill() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = 0;
    }

  private:
    pid_t pid_ = 0;
};

} // namespace

TEST_CASE("what a killed server has left is cleaned up at the next start") {
    SKIP_WITHOUT_FUSE_LOOP();
    std::string name = "/tmp/mars-unit-XXXXXX";
    REQUIRE(::mkdtemp(name.data()));
    ExportPaths paths{name + "/dev", name + "/run"};
    Server server(paths, 4 * kMiB);
    auto old_loop = queue_of(paths.node("data"), "loop/backing_file");
    CHECK(old_loop == paths.mountpoint("data") + "/data");
    SECTION("nobody has it open") {
        server.kill();
    }
    SECTION("also when nothing is made there again") {
        CHECK(clean_all_leftovers(paths).empty()); // another program serves it
        CHECK(std::filesystem::exists(paths.node("data")));
        server.kill();
        CHECK(clean_all_leftovers(paths).empty());
        CHECK(std::filesystem::is_empty(paths.devices));
        CHECK(std::filesystem::is_empty(paths.run));
    }
    {
        std::unique_ptr<Program> holder;
        SECTION("somebody has it open") {
            holder = std::make_unique<Program>("exec sleep 1000 <" + paths.node("data"));
            struct stat st {};
            REQUIRE(::stat(paths.node("data").c_str(), &st) == 0);
            while (find_openers(st.st_rdev).count() == 0) std::this_thread::yield();
            server.kill();
        }
        ExportHost host;
        RamDevice device(8 * kMiB);
        FuseLoopProvider provider(host.env, paths);
        host.run([&]() -> task<void> {
            auto e = co_await provider.create("data", device);
            if (!e) FAIL(e.error().text);
            CHECK(queue_of(paths.node("data"), "size") == std::to_string(device.size() / 512));
            int readable = co_await host.shell("dd if=" + paths.node("data") + " of=/dev/null bs=1M status=none");
            CHECK(readable == 0);
            holder.reset(); // the old loop device goes by itself
            auto closed = co_await (*e)->close();
            CHECK(closed);
        });
    }
    CHECK(std::system(("grep -q " + name + " /proc/mounts /sys/block/loop*/loop/backing_file 2>/dev/null").c_str()) !=
          0);
    std::filesystem::remove_all(name);
}
