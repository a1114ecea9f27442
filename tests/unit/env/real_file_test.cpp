// SPDX-License-Identifier: GPL-2.0-or-later
// Files: what the contract of env::File promises, by the ring and by threads.
#include <catch2/catch.hpp>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "kernel/env/real/fd.hpp"
#include "kernel/env/task_group.hpp"
#include "tests/unit/env/run.hpp"

using namespace mars;
using namespace mars::env;
using namespace mars::env::testing;

namespace {

const OpenMode kCreate{.write = true, .create = true};

// This process, and what it starts, cannot use the system call any more.
bool forbid(unsigned number) {
    sock_filter rules[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                           BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
                           BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
                           BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    sock_fprog program{std::size(rules), rules};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

std::string text(std::span<const std::byte> data) {
    return {reinterpret_cast<const char*>(data.data()), data.size()};
}

} // namespace

TEST_CASE("a file gives back what was written, by ring and by threads") {
    auto use = GENERATE(FileIo::Use::ring_if_possible, FileIo::Use::threads);
    Host host(use);
    CHECK(host.env.io_note().empty() == (use == FileIo::Use::ring_if_possible));
    host.run([&]() -> task<void> {
        auto file = co_await host.env.storage().open(host.path("f"), kCreate);
        REQUIRE(file);
        auto wrote = co_await (*file)->write(5, bytes("hello"));
        REQUIRE(wrote);
        auto synced = co_await (*file)->sync_data();
        REQUIRE(synced);
        CHECK((*file)->size().value() == 10);
        std::byte buffer[64];
        auto got = co_await (*file)->read(3, buffer);
        REQUIRE(got);
        CHECK(text(std::span(buffer, *got)) == std::string("\0\0hello", 7));
        auto end = co_await (*file)->read(10, buffer);
        CHECK(end.value() == 0);
        auto cut = co_await (*file)->resize(7);
        REQUIRE(cut);
        CHECK((*file)->size().value() == 7);
    });
    struct stat st {};
    REQUIRE(::stat(host.path("f").c_str(), &st) == 0);
    CHECK((st.st_mode & 0777) == 0600);
}

TEST_CASE("more operations than the ring has room for all complete") {
    auto use = GENERATE(FileIo::Use::ring_if_possible, FileIo::Use::threads);
    Host host(use);
    constexpr std::size_t kCount = 2000;
    std::size_t done = 0;
    host.run([&]() -> task<void> {
        auto file = co_await host.env.storage().open(host.path("f"), kCreate);
        REQUIRE(file);
        TaskGroup group(host.env);
        auto one = [&](std::size_t i) -> task<void> {
            std::vector<std::byte> data(100, static_cast<std::byte>(i));
            auto wrote = co_await (*file)->write(i * 100, data);
            CHECK(wrote);
            std::vector<std::byte> back(100);
            auto got = co_await (*file)->read(i * 100, back);
            CHECK(got.value() == 100);
            CHECK(back == data);
            ++done;
        };
        for (std::size_t i = 0; i < kCount; ++i) group.spawn("one", one(i));
        co_await group.join();
    });
    CHECK(done == kCount);
}

TEST_CASE("an idle env does not keep the loop running") {
    Host host;
    host.run([&]() -> task<void> {
        auto file = co_await host.env.storage().open(host.path("f"), kCreate);
        auto wrote = co_await (*file)->write(0, bytes("x"));
        CHECK(wrote);
    });
    host.context.restart();
    host.context.run(); // returns
}

TEST_CASE("a cancelled operation ends only when the kernel has let go of the buffer") {
    Host host;
    // A read from a pipe waits for ever, unless cancelled.
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    UniqueFd reader(ends[0]), writer(ends[1]);
    ParkingLot lot;
    BlockingPool pool(host.context, lot, 1);
    FileIo io(host.context, lot, pool, FileIo::Use::ring_if_possible);
    if (!io.why_no_ring().empty()) {
        WARN("SKIPPED: " << io.why_no_ring());
        return;
    }
    std::vector<int> results;
    host.run([&]() -> task<void> {
        TaskGroup group(host.env);
        auto one = [&]() -> task<void> {
            char buffer[16];
            IoOp op{IoOp::Kind::read, reader.get(), sizeof buffer, ~std::uint64_t{0}, buffer};
            int got = co_await io.run(op);
            results.push_back(got);
        };
        for (int i = 0; i < 300; ++i) group.spawn("read", one());      // more than fit into the ring
        co_await host.env.clock().sleep(std::chrono::milliseconds(1)); // lets them start
        group.cancel();
        co_await group.join();
    });
    REQUIRE(results.size() == 300);
    for (int got : results) CHECK(got == -ECANCELED);
    CHECK(lot.size() == 0);
}

TEST_CASE("an env that goes away takes its pending operations along") {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    UniqueFd reader(ends[0]), writer(ends[1]);
    asio::io_context context;
    char buffer[16];
    bool resumed = false;
    {
        ParkingLot lot;
        BlockingPool pool(context, lot, 1);
        FileIo io(context, lot, pool, FileIo::Use::ring_if_possible);
        if (!io.why_no_ring().empty()) {
            WARN("SKIPPED: " << io.why_no_ring());
            return;
        }
        auto one = [&]() -> task<void> {
            IoOp op{IoOp::Kind::read, reader.get(), sizeof buffer, ~std::uint64_t{0}, buffer};
            (void)co_await io.run(op);
            resumed = true;
        };
        asio::co_spawn(context, one(), [](const std::exception_ptr&) {});
        context.poll();
        CHECK(lot.size() == 1);
        lot.abandon();
    }
    context.restart();
    context.poll();
    CHECK_FALSE(resumed);
}

TEST_CASE("direct files work, also where the filesystem refuses O_DIRECT") {
    auto directory = GENERATE(std::string("/tmp"), std::string("/dev/shm"));
    std::string name = directory + "/mars-unit-direct-XXXXXX";
    int made = ::mkstemp(name.data());
    REQUIRE(made >= 0);
    ::close(made);
    Host host;
    auto memory = std::unique_ptr<void, decltype(&std::free)>(std::aligned_alloc(4096, 8192), &std::free);
    std::memset(memory.get(), 'x', 8192);
    std::span<std::byte> data(static_cast<std::byte*>(memory.get()), 8192);
    host.run([&]() -> task<void> {
        OpenMode mode{.write = true, .direct = true};
        auto file = co_await host.env.storage().open(name, mode);
        REQUIRE(file);
        auto wrote = co_await (*file)->write(4096, data.first(4096));
        CHECK(wrote);
        auto cut = co_await (*file)->resize(4096 + 100);
        CHECK(cut);
        auto got = co_await (*file)->read(4096, data);
        CHECK(got.value() == 100);
    });
    ::unlink(name.c_str());
}

TEST_CASE("files that cannot be opened say why") {
    Host host;
    ::mkdir(host.path("dir").c_str(), 0700);
    ::mkfifo(host.path("fifo").c_str(), 0600);
    REQUIRE(::symlink("target", host.path("link").c_str()) == 0);
    std::ofstream(host.path("target")) << "x";
    struct Case {
        std::string name;
        OpenMode mode;
        std::errc code;
    };
    const std::vector<Case> cases = {
        {"nothing", {}, std::errc::no_such_file_or_directory},
        {"no/such", {.write = true, .create = true}, std::errc::no_such_file_or_directory},
        {"dir", {}, std::errc::is_a_directory},
        {"fifo", {.write = true}, std::errc::invalid_argument},
        {"link", {}, std::errc::too_many_symbolic_link_levels},
        {"target", {.write = true, .create = true, .exclusive = true}, std::errc::file_exists},
    };
    for (const auto& c : cases) {
        auto opened = host.run([&]() -> task<result<std::unique_ptr<File>>> {
            return host.env.storage().open(host.path(c.name), c.mode);
        });
        INFO(c.name);
        REQUIRE_FALSE(opened);
        CHECK(opened.error().is(c.code));
        CHECK(opened.error().text.find(host.path(c.name)) != std::string::npos);
    }
    OpenMode follow{.follow = true};
    CHECK(host.run([&] { return host.env.storage().open(host.path("link"), follow); }));
}

TEST_CASE("a file that is opened exclusively is so only once") {
    Host host(FileIo::Use::threads);
    host.run([&]() -> task<void> {
        auto made = co_await host.env.storage().open(host.path("f"), kCreate);
        REQUIRE(made);
        OpenMode exclusive;
        exclusive.write = exclusive.exclusive = true;
        auto first = co_await host.env.storage().open(host.path("f"), exclusive);
        REQUIRE(first);
        auto second = co_await host.env.storage().open(host.path("f"), exclusive);
        REQUIRE_FALSE(second);
        CHECK(second.error().is(std::errc::device_or_resource_busy));
        first->reset();
        auto third = co_await host.env.storage().open(host.path("f"), exclusive);
        CHECK(third);
    });
}

TEST_CASE("what was synced is read from the disk again after forget_cached()") {
    auto use = GENERATE(FileIo::Use::ring_if_possible, FileIo::Use::threads);
    Host host(use);
    host.run([&]() -> task<void> {
        auto file = co_await host.env.storage().open(host.path("f"), kCreate);
        REQUIRE(file);
        auto wrote = co_await (*file)->write(0, bytes("hello"));
        REQUIRE(wrote);
        auto synced = co_await (*file)->sync_data();
        REQUIRE(synced);
        co_await (*file)->forget_cached();
        std::byte buffer[64];
        auto got = co_await (*file)->read(0, buffer);
        REQUIRE(got);
        CHECK(text(std::span(buffer, *got)) == "hello");
    });
}

// Containers' filters of system calls do either.
TEST_CASE("files work by threads where io_uring cannot be made, or be made but not used") {
    const unsigned number = GENERATE(unsigned(__NR_io_uring_setup), unsigned(__NR_io_uring_enter));
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        if (!forbid(number)) ::_exit(2);
        bool is_right = false;
        {
            Host host(FileIo::Use::ring_if_possible);
            host.run([&]() -> task<void> {
                auto file = co_await host.env.storage().open(host.path("f"), kCreate);
                if (!file) co_return;
                auto wrote = co_await (*file)->write(0, bytes("hello"));
                is_right = wrote.has_value() && !host.env.io_note().empty();
            });
        }
        ::_exit(is_right ? 0 : 1);
    }
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}
