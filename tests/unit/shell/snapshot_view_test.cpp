// SPDX-License-Identifier: GPL-2.0-or-later
// A snapshot shows the same as the tree itself, and stays as it was until it forgets.
#include "fixture.hpp"

#include "shell/snapshot_view.hpp"

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
