// SPDX-License-Identifier: GPL-2.0-or-later
// The admin tool's access to a tree: lazy reads, batches with one stamp, and waiting for changes.
#include "fixture.hpp"

using namespace mars;
using namespace mars::tree;
using namespace mars::tree::testing;

namespace {

struct Admin {
    World world{1};
    Machine& machine{world.add_machine("a", "10.0.0.1")};
    Hand hand{machine};
    std::unique_ptr<Process> process{machine.start_process("marsadm")};
    DiskView view{*process, "/mars"};

    result<void> commit(std::vector<DiskView::Change> changes) {
        return run(*process, view.commit(std::move(changes)));
    }
};

DiskView::Change change(std::string path, std::string value, std::optional<Stamp> stamp = {}) {
    DiskView::Change c;
    c.path = std::move(path);
    c.value = std::move(value);
    c.stamp = stamp;
    return c;
}

} // namespace

TEST_CASE("a batch carries one fresh stamp, makes directories, and leaves no temporaries") {
    Admin admin;
    REQUIRE(admin.commit(
        {change("resource-x/size", "4096"), change("resource-x/todo-a/attach", "1"), change("uuid", "u")}));
    const auto stamp = admin.view.raw("uuid")->stamp;
    CHECK(stamp >= admin.machine.real_time() + -1min);
    CHECK(admin.view.raw("resource-x/size")->stamp == stamp);
    CHECK(admin.view.raw("resource-x/todo-a/attach") == Link{"1", stamp});
    CHECK(admin.view.list("resource-x") == std::vector<std::string>{"size", "todo-a"});
    auto entries = admin.process->storage().list("/mars/resource-x");
    REQUIRE(entries);
    CHECK(entries->size() == 2);
    REQUIRE(admin.commit({change("uuid", "w")}));
    CHECK(admin.view.raw("uuid")->stamp > stamp);
}

TEST_CASE("a batch is stamped past the old versions and past the clock that marsd has published") {
    Admin admin;
    const auto ahead = admin.machine.real_time() + 1h;
    admin.hand.link("/mars/k", "old", ahead);
    REQUIRE(admin.commit({change("k", "new")}));
    CHECK(admin.view.raw("k")->stamp > ahead);
    admin.hand.directory("/mars/actual-a");
    admin.hand.link("/mars/actual-a/time", "x", ahead + 1h);
    REQUIRE(admin.commit({change("l", "new")}));
    CHECK(admin.view.raw("l")->stamp > ahead + 1h);
}

TEST_CASE("special stamps are written as they are") {
    Admin admin;
    REQUIRE(admin.commit({change("uuid", "(any)", Stamp{1, 0}), change("other", "v")}));
    CHECK(admin.view.raw("uuid")->stamp == Stamp{1, 0});
    CHECK(admin.view.raw("other")->stamp > Stamp{1000, 0});
}

TEST_CASE("the last of several changes of one key counts") {
    Admin admin;
    REQUIRE(admin.commit({change("k", "1"), change("l", "2"), change("k", "3")}));
    CHECK(admin.view.value("k") == "3");
    CHECK(admin.view.value("l") == "2");
}

TEST_CASE("a bad change fails the batch before anything is written") {
    Admin admin;
    auto done = admin.commit({change("good", "v"), change("../bad", "v")});
    REQUIRE_FALSE(done);
    CHECK(done.error().is(std::errc::invalid_argument));
    CHECK_FALSE(admin.commit({change("good", "v"), change("bad", "a\nb")}));
    CHECK(admin.view.list("").empty());
}

TEST_CASE("deleting replaces logs and empty directories, and leaves used directories alone") {
    Admin admin;
    admin.hand.directory("/mars/resource-x");
    admin.hand.directory("/mars/resource-x/todo-a");
    admin.hand.directory("/mars/resource-x/actual-a");
    admin.hand.link("/mars/resource-x/actual-a/if-on", "0", Stamp{1000, 0});
    admin.hand.file("/mars/resource-x/log-000000001-a", "bytes");
    REQUIRE(admin.commit({change("resource-x/log-000000001-a", ".deleted"), change("resource-x/todo-a", ".deleted"),
                          change("resource-x/actual-a", ".deleted"), change("resource-y/k", ".deleted")}));
    CHECK(admin.view.raw("resource-x/log-000000001-a")->value == ".deleted");
    CHECK(admin.view.raw("resource-x/todo-a")->value == ".deleted");
    CHECK(admin.view.value("resource-x/actual-a/if-on") == "0");
    CHECK_FALSE(admin.hand.exists("/mars/resource-y"));
    CHECK(admin.view.list("resource-x") == std::vector<std::string>{"actual-a"});
    REQUIRE(admin.commit({change("resource-x/todo-a/attach", "1")}));
    CHECK(admin.view.flag("resource-x/todo-a/attach"));
}

TEST_CASE("a regular file does not become a key") {
    Admin admin;
    admin.hand.directory("/mars/resource-x");
    admin.hand.file("/mars/resource-x/data-a", "disk");
    CHECK_FALSE(admin.commit({change("resource-x/data-a", "/dev/vg/x")}));
    CHECK(admin.view.file("resource-x/data-a")->size == 4);
}

TEST_CASE("role keys touch the trigger file of systemd, also over its marker") {
    Admin admin;
    admin.hand.directory("/mars/resource-x");
    admin.hand.link("/mars/resource-x/systemd-trigger", ".deleted", Stamp{1000, 0});
    REQUIRE(admin.commit({change("resource-x/primary", "a")}));
    CHECK(admin.view.file("resource-x/systemd-trigger"));
}

TEST_CASE("a committed batch survives a power cut") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        World world(seed);
        auto& machine = world.add_machine("a", "10.0.0.1");
        {
            auto process = machine.start_process("marsadm");
            DiskView view(*process, "/mars");
            std::vector<DiskView::Change> changes{change("resource-x/size", "1"), change("uuid", "u")};
            REQUIRE(run(*process, view.commit(std::move(changes))));
            machine.power_cut();
        }
        auto process = machine.start_process("marsadm");
        DiskView view(*process, "/mars");
        CHECK(view.value("resource-x/size") == "1");
        CHECK(view.value("uuid") == "u");
    }
}

TEST_CASE("waiting ends with a change, and with false when the time is up") {
    Admin admin;
    admin.hand.directory("/mars/ips");
    auto wait = [&](std::vector<std::string> dirs, Duration limit) {
        return *run(*admin.process, admin.view.wait_for_change(std::move(dirs), limit));
    };
    CHECK(wait({"ips"}, 1s)); // the watch is new: look again
    const auto start = admin.world.now();
    CHECK_FALSE(wait({"ips"}, 3s));
    CHECK(admin.world.now() - start == 3s);
    admin.world.after(2s, [&] { admin.hand.link("/mars/ips/ip-b", "10.0.0.2", Stamp{1000, 0}); });
    CHECK(wait({"ips"}, 60s));
    CHECK(admin.view.value("ips/ip-b") == "10.0.0.2");
    admin.hand.link("/mars/ips/ip-c", "10.0.0.3", Stamp{1000, 0}); // before the call: not missed
    CHECK(wait({"ips"}, 60s));
}

TEST_CASE("a directory that does not exist yet can be waited for") {
    Admin admin;
    auto wait = [&](Duration limit) {
        std::vector<std::string> dirs{"resource-x/actual-a"};
        return *run(*admin.process, admin.view.wait_for_change(std::move(dirs), limit));
    };
    CHECK(wait(1s));
    while (wait(1s)) {
    }
    admin.world.after(1s, [&] {
        admin.hand.directory("/mars/resource-x");
        admin.hand.directory("/mars/resource-x/actual-a");
    });
    admin.world.after(5s, [&] { admin.hand.link("/mars/resource-x/actual-a/if-on", "1", Stamp{1000, 0}); });
    while (!admin.view.flag("resource-x/actual-a/if-on")) REQUIRE(wait(60s));
    CHECK(admin.world.now() < 1min);
}
