// SPDX-License-Identifier: GPL-2.0-or-later
// Tree and DiskView on a real filesystem: both see each other's writes through inotify.
#include <catch2/catch.hpp>

#include <filesystem>

#include "kernel/env/deadline.hpp"
#include "kernel/env/event.hpp"
#include "kernel/tree/disk_view.hpp"
#include "kernel/tree/tree.hpp"
#include "tests/unit/env/run.hpp"

using namespace mars;
using namespace mars::tree;
using mars::env::testing::Host;
using namespace std::chrono_literals;

namespace {

// Waits until `tree` holds `value` at `path`.
env::task<bool> becomes(Host& host, Tree& tree, std::string path, std::string value) {
    env::Event changed(host.env.lot());
    auto subscription = tree.subscribe(path, changed);
    const auto until = host.env.clock().steady() + env::testing::kPatience;
    while (tree.value(path) != value) {
        const auto rest = until - host.env.clock().steady();
        if (rest <= Duration(0)) co_return false;
        co_await env::wait_for(host.env, changed, rest);
    }
    co_return true;
}

std::vector<DiskView::Change> change(const std::string& path, const std::string& value) {
    std::vector<DiskView::Change> changes(1);
    changes[0].path = path;
    changes[0].value = value;
    return changes;
}

} // namespace

TEST_CASE("daemon and admin tool see each other's writes on a real filesystem") {
    Host host;
    auto opened = env::testing::run(host.context, Tree::open(host.env, host.directory));
    REQUIRE(opened);
    auto& tree = **opened;
    DiskView view(host.env, host.directory);

    REQUIRE(env::testing::run(host.context, view.commit(change("resource-x/todo-h/attach", "1"))));
    CHECK(env::testing::run(host.context, becomes(host, tree, "resource-x/todo-h/attach", "1")));
    const auto wanted = view.raw("resource-x/todo-h/attach");
    CHECK(tree.raw("resource-x/todo-h/attach") == wanted);

    std::vector<std::string> dirs{"resource-x/todo-h", "resource-x/actual-h"};
    auto wait = [&] { return env::testing::run(host.context, view.wait_for_change(dirs, env::testing::kPatience)); };
    CHECK(*wait());
    REQUIRE(tree.set("resource-x/actual-h/is-attached", "1"));
    while (!view.flag("resource-x/actual-h/is-attached")) REQUIRE(*wait());
    CHECK(view.raw("resource-x/actual-h/is-attached")->stamp > wanted->stamp);

    REQUIRE(env::testing::run(host.context, view.commit(change("resource-x/todo-h/attach", "0"))));
    CHECK(env::testing::run(host.context, becomes(host, tree, "resource-x/todo-h/attach", "0")));
    std::filesystem::remove_all(host.path("resource-x/todo-h"));
    CHECK(env::testing::run(host.context, becomes(host, tree, "resource-x/todo-h/attach", "")));
    REQUIRE(tree.set("resource-x/todo-h/attach", "1"));
    REQUIRE(env::testing::run(host.context, view.commit(change("resource-x/todo-h/attach", "0"))));
    CHECK(env::testing::run(host.context, becomes(host, tree, "resource-x/todo-h/attach", "0")));
    env::testing::run(host.context, tree.close());
}

TEST_CASE("a thousand quick changes by others all arrive") {
    Host host;
    auto opened = env::testing::run(host.context, Tree::open(host.env, host.directory));
    REQUIRE(opened);
    auto& tree = **opened;
    for (int i = 0; i < 1000; ++i) {
        const auto path = host.path("userspace/k" + std::to_string(i % 100));
        REQUIRE(host.env.storage().make_directory(host.path("userspace")));
        REQUIRE(host.env.storage().write_symlink(path, host.path("userspace/.tmp.1.k"), std::to_string(i),
                                                 Stamp{1'600'000'000, i}));
    }
    CHECK(env::testing::run(host.context, becomes(host, tree, "userspace/k99", "999")));
    CHECK(tree.list("userspace").size() == 100);
    for (int k = 0; k < 100; ++k) CHECK(tree.value("userspace/k" + std::to_string(k)) == std::to_string(900 + k));
    env::testing::run(host.context, tree.close());
}

TEST_CASE("a missing root is a clear failure") {
    Host host;
    auto opened = env::testing::run(host.context, Tree::open(host.env, host.path("nowhere")));
    REQUIRE_FALSE(opened);
    CHECK(opened.error().is(std::errc::no_such_file_or_directory));
}
