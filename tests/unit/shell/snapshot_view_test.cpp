// SPDX-License-Identifier: GPL-2.0-or-later
// A snapshot shows the same as the tree itself, and stays as it was until it forgets.
#include "fixture.hpp"

#include <filesystem>
#include <fstream>

#include "shell/command/snapshot_view.hpp"
#include "tests/unit/env/run.hpp"

using namespace mars;
using namespace mars::shell;
using namespace mars::shell::testing;

TEST_CASE("a snapshot shows what the tree shows") {
    Pair site;
    site.set("resource-r/gone", ".deleted");
    tree::DiskView tree(*site.hand, "/mars");
    SnapshotView snapshot(tree, site.hand->storage());
    for (int round = 0; round < 2; ++round) { // one by one, then from the whole directory
        for (const char* path :
             {"uuid", "resource-r/primary", "resource-r/size", "resource-r/gone", "resource-r/nothing", "resource-r",
              "resource-r/log-000000003-b", "nowhere/x", "../etc/passwd", "", "resource-r/todo-a/attach"}) {
            INFO(path);
            CHECK(snapshot.raw(path) == tree.raw(path));
            CHECK(snapshot.get(path) == tree.get(path));
            auto file = snapshot.file(path), real = tree.file(path);
            CHECK(file.has_value() == real.has_value());
            if (file && real) CHECK(file->size == real->size);
        }
        for (const char* directory : {"", "resource-r", "resource-r/todo-a", "nowhere", "resource-r/size"}) {
            INFO(directory);
            CHECK(snapshot.list(directory) == tree.list(directory));
        }
    }
    CHECK(tree.lamport().now() >= tree.raw("resource-r/size")->stamp);
}

TEST_CASE("a snapshot keeps its picture until it forgets") {
    Pair site;
    tree::DiskView tree(*site.hand, "/mars");
    SnapshotView snapshot(tree, site.hand->storage());
    CHECK(snapshot.value("resource-r/primary") == "b");
    auto names = snapshot.list("resource-r");
    site.set("resource-r/primary", "a");
    site.set("resource-r/new", "1");
    CHECK(snapshot.value("resource-r/primary") == "b");
    CHECK(snapshot.list("resource-r") == names);
    snapshot.forget();
    CHECK(snapshot.value("resource-r/primary") == "a");
    CHECK(snapshot.value("resource-r/new") == "1");
}

TEST_CASE("announced resources show what the tree shows") {
    env::testing::Host host;
    tree::DiskView tree(host.env, host.directory);
    constexpr int count = 30;
    std::vector<std::string> resources;
    for (int i = 0; i < count; ++i) {
        auto number = std::to_string(i);
        resources.push_back("r" + number);
        auto top = host.path("resource-r" + number);
        std::filesystem::create_directories(top + "/todo-a");
        auto link = [&](const std::string& name, const std::string& value) {
            std::filesystem::create_symlink(value, top + "/" + name);
        };
        link("primary", number);
        link("todo-a/attach", i % 2 == 0 ? "1" : ".deleted");
        if (i % 3 == 0) link("size", number);
        if (i % 5 == 0) link("replay-" + number, ".deleted");
        std::ofstream(top + "/log-1") << std::string(static_cast<std::size_t>(i), 'x');
    }
    SnapshotView snapshot(tree, host.env.storage());
    snapshot.announce(resources);
    for (const auto& resource : resources) {
        auto key = [&](const char* name) { return tree::resource_key(resource, name); };
        INFO(resource);
        for (const char* name : {"primary", "size", "todo-a/attach", "nothing", "nowhere/x", "log-1"}) {
            INFO(name);
            CHECK(snapshot.raw_value(key(name)) == tree.raw_value(key(name)));
            CHECK(snapshot.get(key(name)) == tree.get(key(name)));
            auto file = snapshot.file(key(name)), real = tree.file(key(name));
            CHECK(file.has_value() == real.has_value());
            if (file && real) CHECK(file->size == real->size);
        }
        CHECK(snapshot.list(tree::resource_dir(resource)) == tree.list(tree::resource_dir(resource)));
        CHECK(snapshot.names(key("todo-a"), "att") == tree.names(key("todo-a"), "att"));
    }
}
