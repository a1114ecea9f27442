// SPDX-License-Identifier: GPL-2.0-or-later
// One host's tree: writing, merging versions from peers, and noticing what others do on the disk.
#include "fixture.hpp"

using namespace mars;
using namespace mars::tree;
using namespace mars::tree::testing;

namespace {

struct OneHost {
    World world{1};
    TreeHost a{world, "a", "10.0.0.1"};
};

std::vector<std::string> names(std::initializer_list<const char*> list) {
    return {list.begin(), list.end()};
}

} // namespace

TEST_CASE("a tree reads what is on the disk, in natural order and without deleted keys") {
    OneHost h;
    h.a.hand.link("/mars/uuid", "a_1", Stamp{100, 5});
    h.a.hand.directory("/mars/resource-x");
    for (auto name : {"version-10-a", "version-9-a"})
        h.a.hand.link("/mars/resource-x/" + std::string(name), "v", Stamp{100, 0});
    h.a.hand.link("/mars/resource-x/gone", ".deleted", Stamp{100, 0});
    h.a.hand.file("/mars/resource-x/log-000000001-a", "12345");
    h.a.hand.directory("/mars/cache-a");
    h.a.start();
    CHECK(h.a.tree->raw("uuid") == Link{"a_1", Stamp{100, 5}});
    CHECK(h.a.tree->list("") == names({"cache-a", "resource-x", "uuid"}));
    CHECK(h.a.tree->list("resource-x") == names({"log-000000001-a", "version-9-a", "version-10-a"}));
    CHECK(h.a.tree->raw("resource-x/gone")->value == ".deleted");
    CHECK_FALSE(h.a.tree->get("resource-x/gone"));
    CHECK(h.a.tree->file("resource-x/log-000000001-a")->size == 5);
    CHECK_FALSE(h.a.tree->raw("resource-x/log-000000001-a"));
    CHECK_FALSE(h.a.tree->file("uuid"));
    CHECK(h.a.tree->list("nowhere").empty());
}

TEST_CASE("local writes reach disk and memory with strictly increasing stamps") {
    OneHost h;
    h.a.start();
    Stamp last;
    for (int i = 0; i < 100; ++i) { // virtual time stands still meanwhile
        REQUIRE(h.a.tree->set("resource-x/actual-a/open-count", std::to_string(i)));
        const auto link = h.a.tree->raw("resource-x/actual-a/open-count");
        REQUIRE(link);
        REQUIRE(last < link->stamp);
        last = link->stamp;
        const auto disk = h.a.hand.read("/mars/resource-x/actual-a/open-count");
        REQUIRE(disk);
        CHECK(disk->value == std::to_string(i));
        CHECK(disk->mtime == last);
    }
}

TEST_CASE("set leaves an unchanged key alone, touch stamps it anew, remove marks it") {
    OneHost h;
    h.a.start();
    REQUIRE(h.a.tree->set("userspace/k", "v"));
    const auto first = h.a.tree->raw("userspace/k");
    REQUIRE(h.a.tree->set("userspace/k", "v"));
    CHECK(h.a.tree->raw("userspace/k") == first);
    REQUIRE(h.a.tree->touch("userspace/k", "v"));
    CHECK(h.a.tree->raw("userspace/k")->stamp > first->stamp);
    REQUIRE(h.a.tree->remove("userspace/k"));
    CHECK(h.a.tree->raw("userspace/k")->value == ".deleted");
    REQUIRE(h.a.tree->remove("userspace/never-there"));
    CHECK_FALSE(h.a.tree->raw("userspace/never-there"));
    REQUIRE(h.a.tree->set("userspace/k", "again"));
    CHECK(h.a.tree->value("userspace/k") == "again");
}

TEST_CASE("bad keys and values are refused and change nothing") {
    OneHost h;
    h.a.start();
    CHECK_FALSE(h.a.tree->set("../etc/passwd", "v"));
    CHECK_FALSE(h.a.tree->set("/uuid", "v"));
    CHECK_FALSE(h.a.tree->set(".hidden", "v"));
    CHECK_FALSE(h.a.tree->set("k", ""));
    CHECK_FALSE(h.a.tree->set("k", "a\nb"));
    CHECK_FALSE(h.a.tree->set("k", std::string(5000, 'x')));
    CHECK_FALSE(h.a.tree->apply("resource-x/../../y", "v", Stamp{1, 0}, "b"));
    REQUIRE(h.a.tree->set("k", "v"));
    CHECK_FALSE(h.a.tree->set("k/below", "v"));
    CHECK(h.a.tree->list("") == names({"k"}));
}

TEST_CASE("of two versions in any order and any number of repetitions the newer survives") {
    const Link older{"old", Stamp{1000, 1}}, newer{"new", Stamp{1000, 2}};
    for (auto order : {std::vector{older, newer}, {newer, older}, {newer, older, newer, older, older}}) {
        OneHost h;
        h.a.start();
        for (auto& link : order) REQUIRE(h.a.tree->apply("resource-x/primary", link.value, link.stamp, "b"));
        CHECK(h.a.tree->raw("resource-x/primary") == newer);
        CHECK(h.a.hand.read("/mars/resource-x/primary")->mtime == newer.stamp);
    }
}

TEST_CASE("of two values with equal stamps the greater one wins, whichever comes first; deletions create nothing") {
    OneHost h;
    h.a.start();
    auto deleted = h.a.tree->apply("resource-x/k", ".deleted", Stamp{1000, 0}, "b");
    REQUIRE(deleted);
    CHECK_FALSE(*deleted);
    CHECK_FALSE(h.a.hand.exists("/mars/resource-x"));
    for (const auto& [first, second] : {std::pair("one", "two"), std::pair("two", "one")}) {
        const auto key = std::string("resource-x/") + first;
        REQUIRE(h.a.tree->apply(key, first, Stamp{1000, 0}, "b"));
        REQUIRE(h.a.tree->apply(key, second, Stamp{1000, 0}, "c"));
        CHECK(h.a.tree->value(key) == "two");
        auto again = h.a.tree->apply(key, "two", Stamp{1000, 0}, "b");
        REQUIRE(again);
        CHECK_FALSE(*again);
    }
    REQUIRE(h.a.tree->apply("resource-x/k", "one", Stamp{1000, 0}, "b"));
    auto applied = h.a.tree->apply("resource-x/k", ".deleted", Stamp{1000, 1}, "b");
    REQUIRE(applied);
    CHECK(*applied);
    CHECK_FALSE(h.a.tree->get("resource-x/k"));
    auto late = h.a.tree->apply("resource-x/k", "one", Stamp{1000, 0}, "b");
    REQUIRE(late);
    CHECK_FALSE(*late);
}

TEST_CASE("a newer deletion replaces a logfile, an older one does not, and a new log can be made there") {
    OneHost h;
    h.a.hand.directory("/mars/resource-x");
    h.a.hand.file("/mars/resource-x/log-000000001-b", "bytes");
    h.a.start();
    const std::string log = "resource-x/log-000000001-b";
    const auto written = h.a.tree->file(log)->mtime;
    auto older = h.a.tree->apply(log, ".deleted", written, "b");
    REQUIRE(older);
    CHECK_FALSE(*older);
    CHECK(h.a.tree->file(log));
    auto newer = h.a.tree->apply(log, ".deleted", written + 1ns, "b");
    REQUIRE(newer);
    CHECK(*newer);
    CHECK_FALSE(h.a.tree->file(log));
    CHECK(h.a.tree->raw(log)->value == ".deleted");
    h.a.hand.remove("/mars/resource-x/log-000000001-b");
    h.a.hand.file("/mars/resource-x/log-000000001-b", "");
    h.world.run_for(1s);
    CHECK(h.a.tree->file(log));
    CHECK_FALSE(h.a.tree->raw(log));
}

TEST_CASE("a backing file is never replaced because of a peer") {
    OneHost h;
    h.a.hand.directory("/mars/resource-x");
    h.a.hand.file("/mars/resource-x/data-a", "disk");
    h.a.start();
    auto done = h.a.tree->apply("resource-x/data-a", ".deleted", h.a.real() + 1h, "b");
    REQUIRE(done);
    CHECK_FALSE(*done);
    CHECK(h.a.tree->file("resource-x/data-a"));
}

TEST_CASE("a local deletion of a logfile leaves a marker that is newer than the file") {
    OneHost h;
    h.a.hand.directory("/mars/resource-x");
    h.a.hand.file("/mars/resource-x/log-000000001-a", "bytes");
    h.a.start();
    const auto written = h.a.tree->file("resource-x/log-000000001-a")->mtime;
    REQUIRE(h.a.tree->remove("resource-x/log-000000001-a"));
    CHECK(h.a.tree->raw("resource-x/log-000000001-a")->stamp > written);
}

TEST_CASE("a directory marker yields to newer keys only, and an empty directory may become a marker") {
    OneHost h;
    h.a.hand.directory("/mars/resource-x");
    h.a.hand.link("/mars/resource-x/todo-a", ".deleted", Stamp{1000, 0});
    h.a.start();
    auto older = h.a.tree->apply("resource-x/todo-a/attach", "1", Stamp{999, 0}, "b");
    REQUIRE(older);
    CHECK_FALSE(*older);
    CHECK(h.a.tree->raw("resource-x/todo-a"));
    auto newer = h.a.tree->apply("resource-x/todo-a/attach", "1", Stamp{1001, 0}, "b");
    REQUIRE(newer);
    CHECK(*newer);
    CHECK(h.a.tree->flag("resource-x/todo-a/attach"));
    CHECK_FALSE(h.a.tree->raw("resource-x/todo-a"));
    auto in_use = h.a.tree->apply("resource-x/todo-a", ".deleted", h.a.real(), "b");
    REQUIRE(in_use);
    CHECK_FALSE(*in_use);
    h.a.hand.remove("/mars/resource-x/todo-a/attach");
    auto empty = h.a.tree->apply("resource-x/todo-a", ".deleted", h.a.real(), "b");
    REQUIRE(empty);
    CHECK(*empty);
    CHECK(h.a.tree->raw("resource-x/todo-a")->value == ".deleted");
    CHECK_FALSE(h.a.tree->raw("resource-x/todo-a/attach"));
}

TEST_CASE("a newer sidecar blocks a version, an older one is removed") {
    OneHost h;
    h.a.hand.directory("/mars/userspace");
    h.a.hand.link("/mars/userspace/.deleted-k", "1", Stamp{1000, 0});
    h.a.start();
    auto older = h.a.tree->apply("userspace/k", "v", Stamp{999, 0}, "b");
    REQUIRE(older);
    CHECK_FALSE(*older);
    CHECK(h.a.hand.exists("/mars/userspace/.deleted-k"));
    auto newer = h.a.tree->apply("userspace/k", "v", Stamp{1001, 0}, "b");
    REQUIRE(newer);
    CHECK(*newer);
    CHECK_FALSE(h.a.hand.exists("/mars/userspace/.deleted-k"));
    h.a.hand.link("/mars/userspace/.deleted-l", "1", Stamp{1000, 0});
    REQUIRE(h.a.tree->set("userspace/l", "v"));
    CHECK_FALSE(h.a.hand.exists("/mars/userspace/.deleted-l"));
}

TEST_CASE("a key from the far future is repaired and does not move the clock, one hour ahead moves it") {
    OneHost h;
    const auto now = h.a.real();
    h.a.hand.link("/mars/far", "v", now + 31 * 24h);
    h.a.hand.link("/mars/near", "v", now + 1h);
    h.a.start();
    CHECK(h.a.tree->raw("far")->value == "v");
    CHECK(h.a.tree->raw("far")->stamp < now + 2h);
    CHECK(h.a.hand.read("/mars/far")->mtime == h.a.tree->raw("far")->stamp);
    CHECK(h.a.tree->raw("near")->stamp == now + 1h);
    CHECK(h.a.tree->lamport().now() >= now + 1h);
    CHECK(h.a.tree->lamport().now() < now + 2h);
    auto refused = h.a.tree->apply("from-peer", "v", now + 31 * 24h, "b");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().is(std::errc::result_out_of_range));
    CHECK_FALSE(h.a.tree->raw("from-peer"));
}

TEST_CASE("opening removes the daemon's leftovers and keeps the admin tool's") {
    OneHost h;
    h.a.hand.directory("/mars/ips");
    h.a.hand.link("/mars/ips/.tmp-ip-a", "10.0.0.1", Stamp{1, 0});
    h.a.hand.link("/mars/ips/.tmp.77.ip-a", "10.0.0.1", Stamp{1, 0});
    h.a.start();
    CHECK_FALSE(h.a.hand.exists("/mars/ips/.tmp-ip-a"));
    CHECK(h.a.hand.exists("/mars/ips/.tmp.77.ip-a"));
    CHECK(h.a.tree->list("ips").empty());
}

TEST_CASE("changes by others are noticed, also in directories that have just been made") {
    OneHost h;
    h.a.start();
    std::vector<std::string> heard;
    auto subscription = h.a.tree->subscribe("resource-x", [&](const std::string& path) { heard.push_back(path); });
    h.a.hand.directory("/mars/resource-x");
    h.a.hand.directory("/mars/resource-x/todo-a");
    const auto stamp = h.a.real() + 5s;
    h.a.hand.link("/mars/resource-x/todo-a/attach", "1", stamp);
    h.world.run_for(1s);
    CHECK(h.a.tree->raw("resource-x/todo-a/attach") == Link{"1", stamp});
    CHECK(std::count(heard.begin(), heard.end(), "resource-x/todo-a/attach") == 1);
    CHECK(h.a.tree->lamport().tick() > stamp);

    heard.clear();
    h.a.hand.link("/mars/resource-x/todo-a/attach", "0", stamp + 1s);
    h.a.hand.file("/mars/resource-x/log-000000001-a", "");
    h.world.run_for(1s);
    CHECK(heard == names({"resource-x/todo-a/attach", "resource-x/log-000000001-a"}));

    heard.clear();
    h.a.hand.remove("/mars/resource-x/log-000000001-a");
    h.a.hand.remove("/mars/resource-x/todo-a/attach");
    REQUIRE(h.a.hand.process->storage().remove_directory("/mars/resource-x/todo-a"));
    h.world.run_for(1s);
    CHECK_FALSE(h.a.tree->raw("resource-x/todo-a/attach"));
    CHECK(h.a.tree->list("resource-x").empty());
    CHECK(std::count(heard.begin(), heard.end(), "resource-x/todo-a/attach") == 1);

    h.a.hand.directory("/mars/resource-x/todo-a");
    h.world.run_for(1s);
    h.a.hand.link("/mars/resource-x/todo-a/sync", "1", stamp);
    h.world.run_for(1s);
    CHECK(h.a.tree->flag("resource-x/todo-a/sync"));
}

TEST_CASE("own writes are heard once, and not again when the disk reports them") {
    OneHost h;
    h.a.start();
    int calls = 0;
    auto subscription = h.a.tree->subscribe("userspace/", [&](const std::string&) { ++calls; });
    REQUIRE(h.a.tree->set("userspace/k", "v"));
    REQUIRE(h.a.tree->set("userspace/k", "w"));
    REQUIRE(h.a.tree->set("userspace/k", "w"));
    h.world.run_for(1s);
    CHECK(calls == 2);
    subscription = Subscription();
    REQUIRE(h.a.tree->set("userspace/k", "x"));
    CHECK(calls == 2);
}

TEST_CASE("observers learn who caused a change") {
    OneHost h;
    h.a.start();
    std::vector<std::string> heard;
    auto subscription = h.a.tree->observe(
        [&](const std::string& path, std::string_view from) { heard.push_back(path + "<" + std::string(from)); });
    REQUIRE(h.a.tree->apply("ips/ip-b", "10.0.0.2", Stamp{1000, 0}, "b"));
    REQUIRE(h.a.tree->set("uuid", "u"));
    h.a.hand.link("/mars/uuid", "w", h.a.real() + 1s);
    h.world.run_for(1s);
    CHECK(heard == names({"ips<", "ips/ip-b<b", "uuid<", "uuid<"}));
}

TEST_CASE("a version that marsadm wrote a moment ago is not lost to an older one from a peer") {
    OneHost h;
    h.a.start();
    REQUIRE(h.a.tree->set("userspace/k", "first"));
    h.a.hand.link("/mars/userspace/k", "by-hand", h.a.real() + 10s); // its event has not been handled yet
    auto applied = h.a.tree->apply("userspace/k", "peer", h.a.real() + 5s, "b");
    REQUIRE(applied);
    CHECK_FALSE(*applied);
    CHECK(h.a.tree->value("userspace/k") == "by-hand");
    CHECK(h.a.hand.read("/mars/userspace/k")->value == "by-hand");
}

TEST_CASE("keys outside the held directories are read and written on the disk only") {
    OneHost h;
    h.a.start();
    REQUIRE(h.a.tree->set("resource-x/local-a/connection-b", "1"));
    CHECK(h.a.tree->value("resource-x/local-a/connection-b") == "1");
    CHECK(h.a.tree->list("resource-x/local-a") == names({"connection-b"}));
    h.a.stop();
    h.a.start();
    CHECK(h.a.tree->value("resource-x/local-a/connection-b") == "1");
    const auto held = h.a.tree->directories();
    CHECK(std::count(held.begin(), held.end(), "resource-x/local-a") == 0);
}

TEST_CASE("after sync all writes survive a power cut, before it an older tree does") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        World world(seed);
        auto& machine = world.add_machine("a", "10.0.0.1");
        {
            auto process = machine.start_process("marsd");
            auto tree = std::move(*run(*process, Tree::open(*process, "/mars")));
            REQUIRE(tree->set("userspace/k", "synced"));
            REQUIRE(run(*process, tree->sync()));
            REQUIRE(tree->set("userspace/k", "loose"));
            machine.power_cut();
        }
        auto process = machine.start_process("marsd");
        auto tree = std::move(*run(*process, Tree::open(*process, "/mars")));
        const auto value = tree->value("userspace/k");
        CHECK((value == "synced" || value == "loose"));
        run(*process, tree->close());
    }
}

TEST_CASE("a full filesystem fails a write with the reason and keeps the old value") {
    OneHost h;
    h.a.start();
    REQUIRE(h.a.tree->set("userspace/k", "old"));
    h.a.machine.filesystem().fault = [](env::sim::Operation operation, const std::string&) -> std::optional<int> {
        if (operation == env::sim::Operation::symlink) return ENOSPC;
        return std::nullopt;
    };
    auto failed = h.a.tree->set("userspace/k", "new");
    REQUIRE_FALSE(failed);
    CHECK(failed.error().is(std::errc::no_space_on_device));
    CHECK(h.a.tree->value("userspace/k") == "old");
    h.a.machine.filesystem().fault = nullptr;
    REQUIRE(h.a.tree->set("userspace/k", "new"));
}

TEST_CASE("a set that changes nothing looks at nothing, a write at little") {
    OneHost h;
    h.a.start();
    auto& filesystem = h.a.machine.filesystem();
    REQUIRE(h.a.tree->set("resource-x/actual-a/open-count", "1"));
    h.world.run_for(1s);
    const auto before = filesystem.looks;
    for (int i = 0; i < 100; ++i) REQUIRE(h.a.tree->set("resource-x/actual-a/open-count", "1"));
    REQUIRE(h.a.tree->remove("resource-x/actual-a/never-there"));
    CHECK(filesystem.looks == before);
    for (int i = 0; i < 10; ++i) REQUIRE(h.a.tree->touch("resource-x/actual-a/open-count", "1"));
    CHECK(filesystem.looks <= before + 20); // for markers, and for what its own events tell
}

TEST_CASE("a key that others have replaced or removed is told, and repaired by the next set") {
    OneHost h;
    h.a.start();
    const std::string key = "resource-x/actual-a/open-count";
    REQUIRE(h.a.tree->set(key, "1"));
    h.world.run_for(1s);
    const auto version = h.a.tree->version_of("resource-x/actual-a");
    REQUIRE(h.a.tree->set(key, "1"));
    CHECK(h.a.tree->version_of("resource-x/actual-a") == version);
    h.a.hand.link("/mars/" + key, "7", h.a.real() + 1s);
    h.world.run_for(1s);
    CHECK(h.a.tree->version_of("resource-x/actual-a") != version);
    REQUIRE(h.a.tree->set(key, "1"));
    CHECK(h.a.hand.read("/mars/" + key)->value == "1");
    h.a.hand.remove("/mars/" + key);
    h.world.run_for(1s);
    REQUIRE(h.a.tree->set(key, "1"));
    CHECK(h.a.hand.read("/mars/" + key)->value == "1");
}

TEST_CASE("the version of a directory never comes back, and counts its own names only") {
    OneHost h;
    h.a.start();
    CHECK(h.a.tree->version_of("resource-x") == 0);
    REQUIRE(h.a.tree->set("resource-x/actual-a/k", "1"));
    h.world.run_for(1s);
    const auto first = h.a.tree->version_of("resource-x/actual-a");
    CHECK(first != 0);
    REQUIRE(h.a.tree->set("resource-x/primary", "a"));
    h.world.run_for(1s);
    CHECK(h.a.tree->version_of("resource-x/actual-a") == first);
    h.a.hand.remove("/mars/resource-x/actual-a/k");
    REQUIRE(h.a.hand.process->storage().remove_directory("/mars/resource-x/actual-a"));
    h.world.run_for(1s);
    CHECK(h.a.tree->version_of("resource-x/actual-a") == 0);
    REQUIRE(h.a.tree->set("resource-x/actual-a/k", "1"));
    h.world.run_for(1s);
    CHECK(h.a.tree->version_of("resource-x/actual-a") > first);
}

TEST_CASE("what marsadm has written a moment ago is overwritten by a newer version, never by an older stamp") {
    OneHost h;
    h.a.start();
    REQUIRE(h.a.tree->set("userspace/k", "v"));
    const auto ahead = h.a.real() + 10s;
    h.a.hand.link("/mars/userspace/k", "by-hand", ahead); // its event has not been handled yet
    REQUIRE(h.a.tree->set("userspace/k", "w"));
    CHECK(h.a.hand.read("/mars/userspace/k")->value == "w");
    CHECK(h.a.hand.read("/mars/userspace/k")->mtime > ahead);
    h.a.hand.link("/mars/userspace/l", "by-hand", ahead + 1s);
    REQUIRE(h.a.tree->remove("userspace/l"));
    CHECK(h.a.hand.read("/mars/userspace/l")->value == ".deleted");
    CHECK(h.a.hand.read("/mars/userspace/l")->mtime > ahead + 1s);
}

TEST_CASE("when changes were lost, everything is looked at again, and nothing is decided from memory before") {
    OneHost h;
    h.a.start();
    for (int i = 0; i < 40; ++i) REQUIRE(h.a.tree->set("resource-x/k" + std::to_string(i), "v"));
    h.world.run_for(1s);
    h.a.machine.filesystem().most_watched = 8;
    const auto change = [&](const std::string& value) {
        for (int i = 0; i < 40; ++i) h.a.hand.link("/mars/resource-x/k" + std::to_string(i), value, h.a.real() + 1s);
        h.a.hand.directory("/mars/resource-" + value);
        h.a.hand.link("/mars/resource-" + value + "/primary", "a", h.a.real());
    };
    change("by-hand");
    REQUIRE(h.a.tree->set("resource-x/k39", "other")); // takes the events, and knows that some are lost
    REQUIRE(h.a.tree->set("resource-x/k38", "v"));
    CHECK(h.a.hand.read("/mars/resource-x/k38")->value == "v"); // as it was in memory, and not on the disk
    h.world.run_for(1s);
    for (int i = 0; i < 38; ++i) REQUIRE(h.a.tree->value("resource-x/k" + std::to_string(i)) == "by-hand");
    CHECK(h.a.tree->value("resource-by-hand/primary") == "a");
    change("again"); // and once more, noticed by nobody but the watch
    h.world.run_for(1s);
    for (int i = 0; i < 40; ++i) REQUIRE(h.a.tree->value("resource-x/k" + std::to_string(i)) == "again");
    CHECK(h.a.tree->value("resource-again/primary") == "a");
}
