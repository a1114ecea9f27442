// SPDX-License-Identifier: GPL-2.0-or-later
// TreeOfOneHost: a simulated host "alpha" with an empty tree, for tests of what reads and writes keys.
#pragma once

#include <catch2/catch.hpp>

#include <chrono>
#include <memory>
#include <utility>

#include "kernel/env/sim/machine.hpp"
#include "kernel/env/task_group.hpp"
#include "kernel/tree/tree.hpp"

namespace mars::test {

// What a test adds has to be destroyed after the processes were ended: ~Scene() { machine.end_all_processes(); }
struct TreeOfOneHost {
    TreeOfOneHost() {
        REQUIRE(process->storage().make_directory("/mars"));
        auto open = [](TreeOfOneHost& s) -> env::task<void> {
            auto opened = co_await tree::Tree::open(*s.process, "/mars");
            if (opened) s.tree = std::move(*opened);
        };
        run(open(*this));
        REQUIRE(tree);
    }

    void run(env::task<void> t) {
        group.spawn("step", std::move(t));
        REQUIRE(world.run_until([&] { return group.live() == 0; }, std::chrono::seconds(10)));
    }

    env::sim::World world{1};
    env::sim::Machine& machine = world.add_machine("alpha", "10.0.0.1");
    std::unique_ptr<env::sim::Process> process = machine.start_process("marsd");
    env::TaskGroup group{*process};
    std::unique_ptr<tree::Tree> tree;
};

} // namespace mars::test
