// SPDX-License-Identifier: GPL-2.0-or-later
// What a host finds after a crash, or when its disk gives errors.
#include <map>

#include "kernel/tree/disk_view.hpp"
#include "kernel/tree/news.hpp"
#include "tests/unit/cluster/fixture.hpp"

using namespace mars;
using namespace mars::test;

TEST_CASE("a crash during a rotation: the log before the new, empty one has a torn end") {
    Situation s;
    auto& primary = s.host(0);
    auto& filesystem = primary.machine.filesystem();
    s.cluster.kill(primary);
    REQUIRE(s.run_verb(primary, {"log-rotate", kResource}).exit == 0); // marsd has not yet seen it
    auto log = filesystem.find(path_of("log-000000001-hosta"))->inode;
    const std::vector<std::byte> torn(log->current.begin(), log->current.begin() + 100); // the begin of a record
    REQUIRE(filesystem.write(*log, path_of("log-000000001-hosta"), log->current.size(), torn));
    s.cluster.boot(primary);
    REQUIRE(s.eventually([&] { return !s.hosts_with_device().empty(); }));
    REQUIRE(s.rest());
    CHECK(s.key(1, "version-000000001-hosta") == s.key(1, "version-000000001-hostb"));
}

TEST_CASE("an error of a secondary's disk stops replay, and costs no second copy of the log") {
    Situation s;
    auto& secondary = s.host(1);
    auto& filesystem = secondary.machine.filesystem();
    filesystem.fault = [](env::sim::Operation operation, const std::string& path) {
        const bool is_disk = operation == env::sim::Operation::write && path == kDisk;
        return is_disk ? std::optional(EIO) : std::nullopt;
    };
    s.start_application(s.host(0));
    REQUIRE(s.eventually([&] { return s.key(0, "actual-hostb/replay-code") == "-5"; }));
    s.cluster.world().run_for(5s);
    s.stop_application(s.host(0));
    s.cluster.world().run_for(5s);
    auto fetched = [&] { return filesystem.contents(path_of("log-000000001-hosta"))->size(); };
    const auto all = fetched();
    CHECK_FALSE(s.eventually([&] { return fetched() < all; }, 2min));
    filesystem.fault = nullptr;
    CHECK(s.rest());
}

TEST_CASE("a primary's disk that fails and comes back is written to again by itself, and nothing is lost") {
    Situation s;
    auto& primary = s.host(0);
    primary.machine.filesystem().fault = [](env::sim::Operation operation, const std::string& path) {
        const bool is_disk = operation == env::sim::Operation::write && path == kDisk;
        return is_disk ? std::optional(ENOSPC) : std::nullopt;
    };
    s.start_application(primary);
    REQUIRE(s.eventually([&] { return s.key(1, "actual-hosta/if-state") == "-28"; }));
    s.stop_application(primary);
    s.cluster.world().run_for(20s);
    primary.machine.filesystem().fault = nullptr;
    REQUIRE(s.eventually([&] { return s.key(1, "actual-hosta/if-state") == "0"; }));
    CHECK(s.rest());
}

TEST_CASE("two replicas that lack the end of a log which the primary has lost say that they cannot follow") {
    Situation s(3);
    auto& primary = s.host(0);
    for (std::size_t i : {1, 2}) REQUIRE(s.run_verb(s.host(i), {"pause-fetch", kResource}).exit == 0);
    const auto before = s.history().acknowledged();
    s.start_application(primary);
    REQUIRE(s.eventually([&] { return s.history().acknowledged() > before + 50; }));
    REQUIRE(s.stop_application(primary));
    REQUIRE(s.run_verb(primary, {"log-rotate", kResource}).exit == 0);
    REQUIRE(s.eventually([&] { return s.key(1, "replay-hosta") == "log-000000002-hosta,0,0"; }));
    const auto path = path_of("log-000000001-hosta");
    REQUIRE(primary.machine.filesystem().change(env::sim::Operation::remove, path, std::nullopt));
    for (std::size_t i : {1, 2}) REQUIRE(s.run_verb(s.host(i), {"resume-fetch", kResource}).exit == 0);
    for (std::size_t i : {1, 2}) {
        const auto said = [&] { return s.key(0, "actual-" + s.host(i).name() + "/msg-err-log-not-contiguous"); };
        REQUIRE(s.eventually([&] { return said().find("cannot follow; next: marsadm invalidate") != said().npos; }));
    }
    for (std::size_t i : {1, 2}) REQUIRE(s.run_verb(s.host(i), {"invalidate", kResource}).exit == 0);
    CHECK(s.rest());
}

TEST_CASE("the primary's newest log is removed: it is written anew, and the others get all of it") {
    Situation s;
    auto& primary = s.host(0);
    auto& filesystem = primary.machine.filesystem();
    const auto path = path_of("log-000000001-hosta");
    s.start_application(primary);
    const auto before = s.history().acknowledged();
    REQUIRE(filesystem.change(env::sim::Operation::remove, path, std::nullopt));
    REQUIRE(s.eventually([&] { return s.history().acknowledged() > before + 100; }));
    CHECK(filesystem.contents(path) != nullptr);
    CHECK(s.rest());
    s.cluster.kill(primary);
    s.cluster.boot(primary);
    REQUIRE(s.eventually([&] { return !s.hosts_with_device().empty(); }));
    CHECK(s.rest());
}

TEST_CASE("a primary's disk that is pulled and comes back is gone on with while the application runs") {
    Situation s;
    auto& primary = s.host(0);
    auto& filesystem = primary.machine.filesystem();
    s.start_application(primary);
    const auto writes_more = [&] {
        const auto before = s.history().acknowledged();
        return s.eventually([&] { return s.history().acknowledged() > before + 20; }, 30s);
    };
    REQUIRE(writes_more());
    filesystem.pull_disk(kDisk);
    REQUIRE(s.eventually([&] { return s.key(1, "actual-hosta/if-state") == "-5"; }));
    s.cluster.world().run_for(20s);
    filesystem.plug_disk(kDisk);
    REQUIRE(s.eventually([&] { return s.key(1, "actual-hosta/if-state") == "0"; }));
    CHECK(s.hosts_with_device().size() == 1);
    CHECK(writes_more());
    CHECK(s.rest());
    CHECK(s.history().check_durable(*filesystem.contents(kDisk)) == "");
}

TEST_CASE("a secondary's disk that is pulled and comes back is replayed to, or copied to") {
    Situation s;
    auto& secondary = s.host(1);
    auto& filesystem = secondary.machine.filesystem();
    s.start_application(s.host(0));
    filesystem.pull_disk(kDisk);
    REQUIRE(s.eventually([&] { return s.key(0, "actual-hostb/replay-code") == "-5"; }));
    s.cluster.world().run_for(20s);
    filesystem.plug_disk(kDisk);
    REQUIRE(s.eventually([&] { return s.key(0, "actual-hostb/replay-code") == "1"; }));
    REQUIRE(s.rest());
    REQUIRE(s.run_verb(secondary, {"invalidate", kResource}).exit == 0);
    filesystem.pull_disk(kDisk); // in the middle of the copy
    s.cluster.world().run_for(20s);
    CHECK(s.key(1, "syncstatus-hostb") != std::to_string(kDiskBytes));
    filesystem.plug_disk(kDisk);
    CHECK(s.rest());
    CHECK(s.history().check_durable(*filesystem.contents(kDisk)) == "");
}

TEST_CASE("another disk under the name of the one that was pulled is not believed") {
    Situation s;
    auto& primary = s.host(0);
    auto& filesystem = primary.machine.filesystem();
    s.start_application(primary);
    filesystem.pull_disk(kDisk);
    REQUIRE(s.eventually([&] { return s.key(1, "actual-hosta/if-state") == "-5"; }));
    filesystem.add_disk(kDisk, kDiskBytes);
    REQUIRE(s.eventually([&] { return s.key(1, "actual-hosta/msg-err-disk-mismatch") != ""; }));
    CHECK(s.key(1, "actual-hosta/if-state") == "-5");
    filesystem.plug_disk(kDisk);
    REQUIRE(s.eventually([&] { return s.key(1, "actual-hosta/if-state") == "0"; }));
    CHECK(s.rest());
}

TEST_CASE("a file that only another member has named is not opened as a disk") {
    Situation s;
    auto& filesystem = s.host(1).machine.filesystem();
    filesystem.add_disk("/disks/secret", kDiskBytes, false);
    bool is_opened = false;
    filesystem.fault = [&](env::sim::Operation operation, const std::string& path) -> std::optional<int> {
        is_opened = is_opened || (operation == env::sim::Operation::open && path == "/disks/secret");
        return std::nullopt;
    };
    // What somebody writes on hosta.
    auto& writer = s.host(0).machine;
    const auto put = [&](const std::string& key, env::FileKind kind, const std::string& value) {
        env::sim::Node node;
        node.kind = kind;
        node.target = value;
        node.mtime = writer.real_time();
        node.number = writer.filesystem().new_number();
        REQUIRE(writer.filesystem().change(env::sim::Operation::symlink, "/mars/resource-evil" + key, node));
    };
    for (const char* directory : {"", "/todo-hostb"}) put(directory, env::FileKind::directory, "");
    for (const auto& [key, value] : std::map<std::string, std::string>{{"/size", std::to_string(kDiskBytes)},
                                                                       {"/primary", "hosta"},
                                                                       {"/data-hostb", "/disks/secret"},
                                                                       {"/syncstatus-hostb", "0"},
                                                                       {"/replay-hostb", "log-000000001-hosta,0,0"},
                                                                       {"/todo-hostb/attach", "1"},
                                                                       {"/device-hostb", "evil"}})
        put(key, env::FileKind::symlink, value);
    const auto message = [&] {
        return s.cluster.link(s.host(0), "/mars/resource-evil/actual-hostb/msg-err-disk-mismatch");
    };
    REQUIRE(s.eventually([&] { return message().find("nobody has named it") != std::string::npos; }));
    CHECK_FALSE(is_opened);
}

TEST_CASE("after a restart, a primary waits for the members of its resource, and for no other host") {
    Situation s(3);
    for (const char* verb : {"down", "leave-resource"}) {
        const auto done = s.run_verb(s.host(2), {verb, kResource});
        INFO(done.error);
        REQUIRE(done.exit == 0);
    }
    s.cluster.world().run_for(5s);
    s.cluster.power_cut(s.host(2));
    s.cluster.kill(s.host(0));
    s.cluster.boot(s.host(0));
    CHECK(s.eventually([&] { return !s.hosts_with_device().empty(); }, 7s)); // the guard lasts 10 s
}

TEST_CASE("how long a replica is behind is the age of the oldest write that it misses, also after a pause") {
    Situation s;
    const auto lag = [&] {
        const tree::DiskView view(*s.host(0).process, "/mars");
        const tree::Looker looker{"hosta", s.host(0).machine.real_time()};
        return tree::lag_of(view, kResource, "hostb", looker);
    };
    CHECK(lag().time == Duration(0));
    s.cluster.world().run_for(10min); // nobody writes
    CHECK(lag().time == Duration(0));
    REQUIRE(s.run_verb(s.host(1), {"pause-replay", kResource}).exit == 0);
    s.start_application(s.host(0));
    REQUIRE(s.eventually([&] { return lag().bytes > 0; }));
    s.cluster.world().run_for(20s);
    REQUIRE(lag().time);
    CHECK(*lag().time >= 15s);
    CHECK(*lag().time < 60s); // not since the last write before the pause
    s.stop_application(s.host(0));
    REQUIRE(s.run_verb(s.host(1), {"resume-replay", kResource}).exit == 0);
    REQUIRE(s.rest());
    CHECK(lag().time == Duration(0));
}
