// SPDX-License-Identifier: GPL-2.0-or-later
// What all resources of a host share.
#include "kernel/resource/host.hpp"

#include <catch2/catch.hpp>

#include "kernel/env/sim/machine.hpp"
#include "kernel/env/task_group.hpp"
#include "tests/unit/resource/no_exports.hpp"

using namespace mars;
using namespace mars::resource;
using namespace std::chrono_literals;

TEST_CASE("so many syncs run at a time as sync-limit says; the host's own value wins") {
    env::sim::World world{1};
    auto& machine = world.add_machine("alpha", "10.0.0.1");
    auto process = machine.start_process("marsd");
    env::TaskGroup group(*process);
    REQUIRE(process->storage().make_directory("/mars"));
    std::unique_ptr<tree::Tree> tree;
    auto open = [](env::Env& env, std::unique_ptr<tree::Tree>& made) -> env::task<void> {
        auto opened = co_await tree::Tree::open(env, "/mars");
        if (opened) made = std::move(*opened);
    };
    group.spawn("open", open(*process, tree));
    REQUIRE(world.run_until([&] { return group.live() == 0; }, 10s));
    test::NoExports exports;
    Host host(*process, *tree, exports, Tunables());
    host.syncs = 2;
    CHECK(host.may_sync());
    REQUIRE(tree->set("defaults/sync-limit", "2"));
    CHECK_FALSE(host.may_sync());
    host.syncs = 1;
    CHECK(host.may_sync());
    REQUIRE(tree->set("defaults-alpha/sync-limit", "1"));
    CHECK_FALSE(host.may_sync());
    REQUIRE(tree->set("defaults-alpha/sync-limit", "0"));
    host.syncs = 100;
    CHECK(host.may_sync());
    machine.end_all_processes();
}
