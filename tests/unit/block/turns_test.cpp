// SPDX-License-Identifier: GPL-2.0-or-later
// Turns: however many tasks compute, others wait for one slice.
#include "kernel/block/turns.hpp"

#include <vector>

#include "kernel/block/concurrently.hpp"
#include "tests/unit/block/rig.hpp"

using namespace mars;
using namespace mars::block;
using namespace mars::test;

namespace {

struct Crowd {
    explicit Crowd(Rig& rig) : turns(rig.env->lot()), group(*rig.env) {}

    env::task<void> compute(int slices) {
        for (int i = 0; i < slices; ++i) {
            const auto turn = co_await turns.take();
            ++done;
            co_await let_others_run();
        }
    }
    // Another task of the same loop: how many slices pass until it is called.
    env::task<void> request() {
        const int before = done;
        co_await let_others_run();
        most_between = std::max(most_between, done - before);
    }

    Turns turns;
    env::TaskGroup group;
    int done = 0;
    int most_between = 0;
};

} // namespace

TEST_CASE("a request waits for one slice of all who compute") {
    Rig rig(1);
    Crowd crowd(rig);
    for (int i = 0; i < 40; ++i) crowd.group.spawn("computes", crowd.compute(8));
    auto ask = [](Crowd& c) -> env::task<void> {
        while (c.done < 40 * 8) co_await c.request();
    };
    crowd.group.spawn("asks", ask(crowd));
    REQUIRE(rig.world.run_until([&] { return crowd.group.live() == 0; }, 10s));
    CHECK(crowd.done == 40 * 8);
    CHECK(crowd.most_between <= 2);
}

TEST_CASE("who is cancelled in his turn gives it to the others") {
    Rig rig(1);
    Crowd crowd(rig);
    auto sleep = [](Crowd& c, env::Env& env) -> env::task<void> {
        const auto turn = co_await c.turns.take();
        co_await env.clock().sleep(1h);
    };
    env::TaskGroup first(*rig.env);
    first.spawn("sleeps", sleep(crowd, *rig.env));
    crowd.group.spawn("computes", crowd.compute(1));
    rig.world.run_for(1s);
    CHECK(crowd.done == 0);
    first.cancel();
    REQUIRE(rig.world.run_until([&] { return crowd.group.live() == 0 && first.live() == 0; }, 10s));
    CHECK(crowd.done == 1);
}
