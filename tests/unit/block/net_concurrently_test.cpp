// SPDX-License-Identifier: GPL-2.0-or-later
// Tasks that run together end together: with the first one's result, and never before all have stopped.
#include "net_rig.hpp"

using namespace mars;
using namespace mars::block;
using namespace mars::block::test;

namespace {

struct Fixture {
    env::sim::World world{1};
    std::unique_ptr<env::sim::Process> process = world.add_machine("a", "10.0.0.1").start_process("test");
    env::TaskGroup tasks{*process};
    int ended = 0;

    env::task<result<int>> after(Duration d, int value) {
        struct Count {
            int& n;
            ~Count() { ++n; }
        } count{ended};
        co_await process->clock().sleep(d);
        co_await let_others_run(); // throws when cancelled
        co_return value;
    }
    env::task<result<void>> checked(Duration d, bool fails) {
        auto value = co_await after(d, 1);
        if (fails) co_return failure(std::errc::io_error, "as asked");
        co_return result<void>();
    }
};

} // namespace

TEST_CASE("concurrently: the first to end decides, and the others have ended too") {
    Fixture f;
    std::optional<result<int>> got;
    auto run = [](Fixture& fixture, auto& to) -> env::task<void> {
        std::vector<env::task<result<int>>> all;
        all.push_back(fixture.after(5s, 5));
        all.push_back(fixture.after(1s, 1));
        all.push_back(fixture.after(3s, 3));
        to = co_await first_of(std::move(all));
        CHECK(fixture.ended == 3);
    };
    run_now(f.world, f.tasks, run(f, got));
    REQUIRE(got->has_value());
    CHECK(**got == 1);
    CHECK(f.world.now() == 1s);
}

TEST_CASE("concurrently: all must succeed, or the first failure ends the rest") {
    for (bool fails : {false, true}) {
        Fixture f;
        std::optional<result<void>> got;
        auto run = [](Fixture& fixture, auto& to, bool failing) -> env::task<void> {
            std::vector<env::task<result<void>>> all;
            all.push_back(fixture.checked(5s, false));
            all.push_back(fixture.checked(1s, failing));
            to = co_await all_of(std::move(all));
            CHECK(fixture.ended == 2);
        };
        run_now(f.world, f.tasks, run(f, got, fails));
        CHECK(got->has_value() == !fails);
        if (fails) CHECK(got->error().text == "as asked");
        CHECK(f.world.now() == (fails ? 1s : 5s));
    }
}

TEST_CASE("concurrently: a cancellation from outside reaches all, and is not an exception of its own kind") {
    Fixture f;
    auto run = [](Fixture& fixture) -> env::task<void> {
        std::vector<env::task<result<int>>> all;
        all.push_back(fixture.after(50s, 5));
        all.push_back(fixture.after(10s, 1));
        auto got = co_await first_of(std::move(all));
        CHECK(!got.has_value());
        CHECK(got.error().is(std::errc::operation_canceled));
    };
    f.tasks.spawn("run", run(f));
    f.world.run_for(1s);
    f.tasks.cancel();
    CHECK(f.world.run_until([&] { return f.tasks.live() == 0; }, 1s));
    CHECK(f.ended == 2);
    CHECK(f.world.now() == 1s);
}
