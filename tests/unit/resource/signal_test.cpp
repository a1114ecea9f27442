// SPDX-License-Identifier: GPL-2.0-or-later
// When a loop that waits for a Signal looks again.
#include "kernel/resource/signal.hpp"

#include <catch2/catch.hpp>

#include <vector>

#include "kernel/env/sim/machine.hpp"
#include "kernel/env/task_group.hpp"

using namespace mars;
using namespace mars::resource;
using namespace std::chrono_literals;

namespace {

struct Loop {
    Loop() {
        auto run = [](Loop& loop) -> env::task<void> {
            while (true) {
                co_await loop.signal.wait(5s);
                loop.looks.push_back(loop.world.now());
            }
        };
        group.spawn("loop", run(*this));
        world.run_for(1ms);
    }
    ~Loop() { process->kill(); }

    env::sim::World world{1};
    std::unique_ptr<env::sim::Process> process = world.add_machine("alpha", "10.0.0.1").start_process("marsd");
    env::TaskGroup group{*process};
    Signal signal{*process};
    std::vector<Duration> looks;
};

} // namespace

TEST_CASE("the first piece of news is looked at without delay, those that follow together") {
    Loop loop;
    const auto begin = loop.world.now();
    for (int i = 0; i < 100; ++i) {
        loop.signal.note();
        loop.world.run_for(1ms);
    }
    REQUIRE(loop.looks.size() >= 5);
    CHECK(loop.looks.size() <= 6);
    CHECK(loop.looks.front() == begin);
    for (std::size_t i = 1; i < loop.looks.size(); ++i) CHECK(loop.looks[i] - loop.looks[i - 1] >= kNewsPause);
    const auto count = loop.looks.size();
    loop.world.run_for(1s);
    CHECK(loop.looks.size() <= count + 1); // the last one is not lost, and nothing else happens
}

TEST_CASE("who waits does not wait longer because there was news a moment ago") {
    Loop loop;
    loop.signal.note();
    loop.world.run_for(1ms);
    loop.signal.note(); // would be looked at 20 ms later
    const auto now = loop.world.now();
    loop.signal.set();
    loop.world.run_for(1ms);
    REQUIRE(loop.looks.size() == 2);
    CHECK(loop.looks.back() == now);
}

TEST_CASE("without any signal the loop looks after the limit") {
    Loop loop;
    loop.world.run_for(11s);
    CHECK(loop.looks.size() == 2);
}
