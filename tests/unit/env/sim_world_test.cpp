// SPDX-License-Identifier: GPL-2.0-or-later
// The simulation keeps its promises: order, repeatability, crashes that lose only what was not synced, TCP-like
// streams.
#include <catch2/catch.hpp>

#include <numeric>

#include "kernel/env/deadline.hpp"
#include "kernel/env/sim/machine.hpp"
#include "kernel/env/sim/network.hpp"
#include "kernel/env/task_group.hpp"

using namespace mars;
using namespace mars::env;
using namespace mars::env::sim;
using namespace std::chrono_literals;

namespace {

std::vector<std::byte> pattern(std::size_t size, unsigned seed) {
    std::vector<std::byte> data(size);
    for (std::size_t i = 0; i < size; ++i) data[i] = static_cast<std::byte>((i * 7 + seed) & 0xff);
    return data;
}

task<void> write_and_sync(Process& process, std::vector<std::byte> synced, std::vector<std::byte> loose, bool& done) {
    OpenMode mode;
    mode.write = mode.create = true;
    auto file = co_await process.storage().open("/mars/file", mode);
    REQUIRE(file);
    auto named = co_await process.storage().sync_filesystem("/mars");
    REQUIRE(named);
    auto first = co_await (*file)->write(0, synced);
    REQUIRE(first);
    auto sync = co_await (*file)->sync_data();
    REQUIRE(sync);
    auto second = co_await (*file)->write(synced.size(), loose);
    REQUIRE(second);
    done = true;
    co_await process.clock().sleep(1h);
}

} // namespace

TEST_CASE("sleepers wake in order of their due times") {
    World world(1);
    auto process = world.add_machine("a", "10.0.0.1").start_process("test");
    std::string order;
    TaskGroup group(*process);
    auto sleeper = [&](Duration d, char c) -> task<void> {
        co_await process->clock().sleep(d);
        order += c;
    };
    group.spawn("b", sleeper(2s, 'b'));
    group.spawn("a", sleeper(1s, 'a'));
    group.spawn("c", sleeper(3s, 'c'));
    CHECK(world.run_until([&] { return group.live() == 0; }, 10s));
    CHECK(order == "abc");
    CHECK(world.now() == 3s);
}

TEST_CASE("cancelling a group interrupts its waits, and join waits for them") {
    World world(1);
    auto process = world.add_machine("a", "10.0.0.1").start_process("test");
    TaskGroup group(*process);
    auto sleeper = [&]() -> task<void> { co_await process->clock().sleep(1h); };
    group.spawn("sleeper", sleeper());
    bool stopped = false;
    TaskGroup owner(*process);
    auto stopper = [&]() -> task<void> {
        co_await process->clock().sleep(1s);
        co_await group.stop();
        stopped = true;
    };
    owner.spawn("stopper", stopper());
    CHECK(world.run_until([&] { return stopped; }, 10s));
    CHECK(world.now() == 1s);
    CHECK(group.live() == 0);
    world.settle();
}

TEST_CASE("a deadline interrupts its operation") {
    World world(1);
    auto process = world.add_machine("a", "10.0.0.1").start_process("test");
    TaskGroup group(*process);
    auto slow = [&]() -> task<result<int>> {
        co_await process->clock().sleep(1h);
        co_return 1;
    };
    std::error_code seen;
    auto run = [&]() -> task<void> {
        auto got = co_await with_deadline(*process, 2s, "the slow thing", slow());
        seen = got.error().code;
    };
    group.spawn("run", run());
    CHECK(world.run_until([&] { return group.live() == 0; }, 10s));
    CHECK(seen == std::errc::timed_out);
    CHECK(world.now() == 2s);
}

TEST_CASE("a power cut keeps synced bytes and may lose or tear the others") {
    int lost = 0, kept = 0, torn = 0;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        World world(seed);
        auto& machine = world.add_machine("a", "10.0.0.1");
        auto process = machine.start_process("test");
        const auto synced = pattern(5000, 1);
        const auto loose = pattern(5000, 2);
        bool done = false;
        {
            TaskGroup group(*process);
            group.spawn("writer", write_and_sync(*process, synced, loose, done));
            REQUIRE(world.run_until([&] { return done; }, 10s));
            machine.power_cut();
        }
        auto* content = machine.filesystem().contents("/mars/file");
        REQUIRE(content);
        REQUIRE(content->size() >= synced.size());
        CHECK(std::equal(synced.begin(), synced.end(), content->begin()));
        if (content->size() == synced.size())
            ++lost;
        else if (content->size() == 10000 && std::equal(loose.begin(), loose.end(), content->begin() + 5000))
            ++kept;
        else
            ++torn;
    }
    CHECK(lost > 0);
    CHECK(kept > 0);
    CHECK(torn > 0);
}

TEST_CASE("killing a process keeps the page cache") {
    World world(3);
    auto& machine = world.add_machine("a", "10.0.0.1");
    auto process = machine.start_process("test");
    bool done = false;
    {
        TaskGroup group(*process);
        group.spawn("writer", write_and_sync(*process, pattern(5000, 1), pattern(5000, 2), done));
        REQUIRE(world.run_until([&] { return done; }, 10s));
        process->kill();
    }
    CHECK(machine.filesystem().contents("/mars/file")->size() == 10000);
}

namespace {

struct Transfer {
    std::size_t received = 0;
    std::uint64_t sum = 0;
    std::error_code error;
    bool ended = false;
};

task<void> receive(Process& process, Transfer& transfer) {
    Endpoint at{"", 7000};
    auto listener = process.net().listen(at);
    REQUIRE(listener);
    auto stream = co_await (*listener)->accept();
    REQUIRE(stream);
    std::vector<std::byte> buffer(10000);
    while (true) {
        auto got = co_await (*stream)->read_some(buffer);
        if (!got) transfer.error = got.error().code;
        if (!got || *got == 0) break;
        transfer.received += *got;
        for (std::size_t i = 0; i < *got; ++i) transfer.sum = transfer.sum * 31 + static_cast<std::uint64_t>(buffer[i]);
    }
    transfer.ended = true;
}

task<void> transmit(Process& process, std::vector<std::byte> data, std::error_code& error) {
    Endpoint to{"10.0.0.2", 7000};
    auto stream = co_await process.net().connect(to, 5s);
    REQUIRE(stream);
    auto written = co_await (*stream)->write(data);
    if (!written) error = written.error().code;
}

} // namespace

TEST_CASE("a stream carries its bytes in order through a short cut of the link") {
    World world(5);
    auto a = world.add_machine("a", "10.0.0.1").start_process("test");
    auto b = world.add_machine("b", "10.0.0.2").start_process("test");
    world.network().link("10.0.0.1", "10.0.0.2").bytes_per_second = 1'000'000;
    const auto data = pattern(1'000'000, 9);
    const auto sum = std::accumulate(data.begin(), data.end(), std::uint64_t(0), [](std::uint64_t s, std::byte x) {
        return s * 31 + static_cast<std::uint64_t>(x);
    });
    Transfer transfer;
    std::error_code error;
    TaskGroup at_b(*b), at_a(*a);
    at_b.spawn("receive", receive(*b, transfer));
    world.settle();
    at_a.spawn("transmit", transmit(*a, data, error));
    world.run_for(300ms);
    CHECK(transfer.received > 0);
    world.network().cut("10.0.0.1", "10.0.0.2");
    world.run_for(10s);
    const auto during_cut = transfer.received;
    world.run_for(1s);
    CHECK(transfer.received == during_cut);
    world.network().heal("10.0.0.1", "10.0.0.2");
    CHECK(world.run_until([&] { return transfer.ended; }, 60s));
    CHECK(transfer.received == data.size());
    CHECK(transfer.sum == sum);
    CHECK_FALSE(error);
}

TEST_CASE("a long cut breaks the connection") {
    World world(5);
    auto a = world.add_machine("a", "10.0.0.1").start_process("test");
    auto b = world.add_machine("b", "10.0.0.2").start_process("test");
    Transfer transfer;
    std::error_code error;
    TaskGroup at_b(*b), at_a(*a);
    at_b.spawn("receive", receive(*b, transfer));
    world.settle();
    at_a.spawn("transmit", transmit(*a, pattern(10'000'000, 1), error));
    world.run_for(10ms);
    world.network().cut("10.0.0.1", "10.0.0.2");
    CHECK(world.run_until([&] { return at_a.live() == 0; }, 120s));
    CHECK(error == std::errc::broken_pipe);
    CHECK(world.run_until([&] { return transfer.ended; }, 120s));
}

TEST_CASE("the same seed gives the same run") {
    auto run = [](std::uint64_t seed) {
        World world(seed);
        auto a = world.add_machine("a", "10.0.0.1").start_process("test");
        auto b = world.add_machine("b", "10.0.0.2").start_process("test");
        Transfer transfer;
        std::error_code error;
        TaskGroup at_b(*b), at_a(*a);
        at_b.spawn("receive", receive(*b, transfer));
        world.settle();
        at_a.spawn("transmit", transmit(*a, pattern(300'000, 1), error));
        bool done = false;
        at_a.spawn("writer", write_and_sync(*a, pattern(5000, 1), pattern(50, 2), done));
        world.run_until([&] { return transfer.ended && done; }, 60s);
        a->kill();
        return world.trace_digest();
    };
    CHECK(run(7) == run(7));
    CHECK(run(7) != run(8));
}

TEST_CASE("a program that never waits is a failure that names it, and the world stands still") {
    World world(11);
    auto& machine = world.add_machine("alpha", "10.0.0.1");
    auto innocent = machine.start_process("marsadm");
    auto process = machine.start_process("marsd");
    std::string storm;
    world.on_storm = [&](const std::string& what) { storm = what; };
    Event ping(process->lot()), pong(process->lot());
    {
        TaskGroup tasks(*process), others(*innocent);
        auto play = [](Event& mine, Event& theirs) -> task<void> {
            while (true) {
                theirs.notify();
                co_await mine.wait();
            }
        };
        auto sleeper = [](Process& p) -> task<void> {
            while (true) co_await p.clock().sleep(1s);
        };
        others.spawn("sleeper", sleeper(*innocent));
        world.run_for(100s);
        CHECK(storm.empty());
        SECTION("events") {
            tasks.spawn("ping", play(ping, pong));
            tasks.spawn("pong", play(pong, ping));
        }
        SECTION("sleeps of no length") {
            auto doze = [](Process& p) -> task<void> {
                while (true) co_await p.clock().sleep(0s);
            };
            tasks.spawn("doze", doze(*process));
        }
        CHECK_FALSE(world.run_until([] { return false; }, 10s));
        CHECK(storm.find("seed 11") != std::string::npos);
        CHECK(storm.find("alpha/marsd") != std::string::npos);
        CHECK(storm.find("alpha/marsadm") == std::string::npos);
        world.run_for(1s);
        machine.end_all_processes();
    }
}

TEST_CASE("handlers are counted per instant of virtual time") {
    World world(1);
    world.most_handlers = 100;
    auto process = world.add_machine("a", "10.0.0.1").start_process("test");
    TaskGroup tasks(*process);
    auto busy = [&]() -> task<void> {
        for (int i = 0; i < 1000; ++i) co_await process->clock().sleep(1us);
    };
    tasks.spawn("busy", busy());
    CHECK(world.run_until([&] { return tasks.live() == 0; }, 1s));
}
