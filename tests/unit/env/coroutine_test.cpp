// SPDX-License-Identifier: GPL-2.0-or-later
// Parking, events, deadlines and task groups: the rules that all coroutines here live by.
#include <catch2/catch.hpp>

#include <thread>

#include "kernel/env/deadline.hpp"
#include "kernel/env/task_group.hpp"
#include "tests/unit/env/run.hpp"

using namespace mars;
using namespace mars::env;
using namespace mars::env::testing;

TEST_CASE("an event wakes all who wait, and only them") {
    Host host;
    Event event(host.env.lot());
    int woken = 0;
    host.run([&]() -> task<void> {
        TaskGroup group(host.env);
        auto wait = [&]() -> task<void> {
            co_await event.wait();
            ++woken;
        };
        event.notify(); // nobody waits yet: lost
        for (int i = 0; i < 40; ++i) group.spawn("wait", wait());
        const Duration moment = std::chrono::milliseconds(1);
        bool first = co_await wait_for(host.env, event, moment);
        CHECK_FALSE(first);
        CHECK(woken == 0);
        event.notify();
        co_await group.join();
        CHECK(woken == 40);
    });
    CHECK(host.env.lot().size() == 0);
}

TEST_CASE("wait_for tells a notification from the end of time") {
    Host host;
    Event event(host.env.lot());
    host.run([&]() -> task<void> {
        TaskGroup group(host.env);
        auto later = [&]() -> task<void> {
            co_await host.env.clock().sleep(std::chrono::milliseconds(1));
            event.notify();
        };
        group.spawn("later", later());
        bool notified = co_await wait_for(host.env, event, kPatience);
        CHECK(notified);
        co_await group.join();
    });
}

TEST_CASE("a deadline passes the value on, or cancels") {
    Host host;
    bool unwound = false;
    struct Flag {
        bool& flag;
        ~Flag() { flag = true; }
    };
    host.run([&]() -> task<void> {
        auto quick = []() -> task<result<std::string>> { co_return std::string("value"); };
        auto got = co_await with_deadline(host.env, kPatience, "quick", quick());
        CHECK(got.value() == "value");
        auto slow = [&]() -> task<result<std::string>> {
            Flag flag{unwound};
            co_await host.env.clock().sleep(std::chrono::hours(1));
            co_await host.env.clock().sleep(std::chrono::hours(1)); // throws: cancelled
            co_return std::string("never");
        };
        auto late = co_await with_deadline(host.env, std::chrono::milliseconds(2), "slow", slow());
        CHECK(late.error().is(std::errc::timed_out));
        CHECK(late.error().text == "slow took longer than 2 ms");
    });
    CHECK(unwound);
}

TEST_CASE("stopping a group ends its tasks wherever they wait") {
    Host host;
    Event event(host.env.lot());
    int ended = 0;
    struct Count {
        int& count;
        ~Count() { ++count; }
    };
    host.run([&]() -> task<void> {
        TaskGroup group(host.env);
        auto on_event = [&]() -> task<void> {
            Count count{ended};
            while (true) co_await event.wait();
        };
        auto on_timer = [&]() -> task<void> {
            Count count{ended};
            while (true) co_await host.env.clock().sleep(std::chrono::hours(1));
        };
        auto nested = [&]() -> task<void> {
            Count count{ended};
            TaskGroup inner(host.env);
            inner.spawn("event", on_event());
            inner.spawn("timer", on_timer());
            co_await asio::this_coro::throw_if_cancelled(false);
            co_await event.wait();
            co_await inner.stop(); // works although this task is cancelled
            CHECK(inner.live() == 0);
            co_await asio::this_coro::throw_if_cancelled(true);
            co_await event.wait();
            FAIL("the cancellation was forgotten");
        };
        group.spawn("event", on_event());
        group.spawn("timer", on_timer());
        group.spawn("nested", nested());
        co_await host.env.clock().sleep(std::chrono::milliseconds(1)); // lets them start
        CHECK(group.live() == 3);
        co_await group.stop();
        CHECK(group.live() == 0);
    });
    CHECK(ended == 5);
    CHECK(host.env.lot().size() == 0);
}

TEST_CASE("a group may spawn from inside its tasks, and end tasks at once") {
    Host host;
    int ran = 0;
    host.run([&]() -> task<void> {
        TaskGroup group(host.env);
        auto leaf = [&]() -> task<void> {
            ++ran;
            co_return;
        };
        auto parent = [&]() -> task<void> {
            for (int i = 0; i < 10; ++i) group.spawn("leaf", leaf());
            co_return;
        };
        group.spawn("parent", parent());
        co_await group.join();
        CHECK(ran == 10);
        group.cancel(); // nobody left
        co_await group.join();
    });
}

TEST_CASE("an abandoned lot resumes nobody, but unwinds all") {
    asio::io_context context;
    ParkingLot lot;
    Event event(lot), other(lot);
    bool resumed = false;
    int unwound = 0;
    struct Notify { // a destructor that reaches other parked coroutines of the same host
        Event& event;
        int& unwound;
        ~Notify() {
            ++unwound;
            event.notify();
        }
    };
    auto one = [&](Event& mine, Event& theirs) -> task<void> {
        Notify notify{theirs, unwound};
        co_await mine.wait();
        resumed = true;
    };
    asio::co_spawn(context, one(event, other), [](const std::exception_ptr&) {});
    asio::co_spawn(context, one(other, event), [](const std::exception_ptr&) {});
    context.poll();
    CHECK(lot.size() == 2);
    lot.abandon();
    context.restart();
    context.poll();
    CHECK(unwound == 2);
    CHECK_FALSE(resumed);
    CHECK(lot.size() == 0);
}

TEST_CASE("blocking work runs elsewhere and comes back") {
    Host host;
    auto loop = std::this_thread::get_id();
    host.run([&]() -> task<void> {
        auto work = [] { return std::this_thread::get_id(); };
        auto there = co_await host.env.pool().run(work);
        CHECK(there != loop);
        CHECK(std::this_thread::get_id() == loop);
    });
}

TEST_CASE("clock, randomness and name of the real host") {
    Host host;
    CHECK(host.env.clock().now() > Stamp{1'600'000'000, 0});
    CHECK(host.env.random().next() != host.env.random().next());
    CHECK_FALSE(host.env.hostname().empty());
}
