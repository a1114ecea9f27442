// SPDX-License-Identifier: GPL-2.0-or-later
// Calls that hang keep their own threads only.
#include "kernel/env/real/blocking_pool.hpp"

#include <catch2/catch.hpp>

#include <future>

#include "kernel/env/task_group.hpp"
#include "tests/unit/env/run.hpp"

using namespace mars;
using namespace mars::env;
using namespace mars::env::testing;

TEST_CASE("a pool whose threads all hang runs the next call all the same") {
    Host host;
    std::promise<void> healed;
    auto hang = [until = healed.get_future().share()] {
        until.wait();
        return 0;
    };
    int ended = 0;
    host.run([&]() -> task<void> {
        auto call = [&]() -> task<void> {
            co_await host.env.pool().run(hang);
            ++ended;
        };
        TaskGroup calls(host.env);
        for (int i = 0; i < 40; ++i) calls.spawn("hangs", call());
        auto quick = [] { return 7; };
        CHECK(co_await host.env.pool().run(quick) == 7); // a disk that is dead elsewhere is no matter
        CHECK(ended == 0);
        healed.set_value();
        co_await calls.join();
    });
    CHECK(ended == 40);
}
