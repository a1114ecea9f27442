// SPDX-License-Identifier: GPL-2.0-or-later
// The life of a resource: create, join, leave, delete: keys, order, refusals. Spec: verbs 4.8 … 4.11.
#include "fixture.hpp"

using namespace mars;
using namespace mars::shell;
using namespace mars::shell::testing;

namespace {

struct Member : Site {
    Member() {
        cluster({"a", "b"});
        alive({"a", "b"});
        machine.filesystem().add_disk("/dev/vg/data", 1 << 20);
        machine.filesystem().add_disk("/dev/vg/odd", (1 << 20) + 1000);
        machine.filesystem().add_disk("/dev/vg/tiny", 65536);
        machine.filesystem().add_disk("/srv/image", 1 << 21, false);
    }
    std::string r(const std::string& rest) const { return get("resource-r/" + rest); }
};

const std::string kZero(32, '0');

} // namespace

TEST_CASE("create-resource makes the keys of a new resource") {
    Member site;
    site.succeed({"create-resource", "r", "/dev/vg/data"});
    CHECK(site.r("size") == "1048576");
    CHECK(site.r("data-a") == "/dev/vg/data");
    CHECK(site.r("device-a") == "r");
    for (const char* directory : {"userspace", "resource-r/userspace", "resource-r/defaults", "resource-r/defaults-a",
                                  "resource-r/local-a", "resource-r/actual-a", "resource-r/todo-a"}) {
        INFO(directory);
        CHECK(site.exists(directory));
    }
    CHECK(site.r("actual-a/if-on") == "0");
    for (const char* name : {"attach", "connect", "sync", "allow-replay"})
        CHECK(site.r(std::string("todo-a/") + name) == "1");
    CHECK(site.r("primary") == "a");
    CHECK(site.r("userspace/last-primary") == "a");
    CHECK(site.r("syncstatus-a") == "1048576");
    CHECK(site.r("replay-a") == "log-000000001-a,0,0");
    CHECK(site.r("version-000000000-a") == kZero + ",log-000000000-a,0:");
    CHECK(site.r("version-000000001-a") == kZero + ",log-000000001-a,0:" + kZero + ",log-000000000-a,0");
    CHECK(site.r("maxnr") == "1");
    CHECK(site.r("skip-check-a").empty());
    REQUIRE(site.hand->storage().status("/mars/resource-r/log-000000001-a"));
    CHECK(site.hand->storage().status("/mars/resource-r/log-000000001-a")->size == 0);
    CHECK(site.stamp("resource-r/size") < site.stamp("resource-r/data-a"));
    CHECK(site.stamp("resource-r/data-a") == site.stamp("resource-r/maxnr"));
    CHECK(site.stamp("resource-r/maxnr") < site.stamp("resource-r/todo-a/attach"));
    CHECK(site.local.locked > 0);
}

TEST_CASE("create-resource takes a device name, a size, and a regular file") {
    Member site;
    site.succeed({"create-resource", "r", "/srv/image", "other", "1M"});
    CHECK(site.r("device-a") == "other");
    CHECK(site.r("size") == "1048576");
    CHECK(site.r("data-a") == "/srv/image");
    site.succeed({"create-resource", "odd", "/dev/vg/odd"});
    CHECK(site.get("resource-odd/size") == "1048576");
}

TEST_CASE("a resource that is created again continues far above its old numbers") {
    Member site;
    site.set("resource-r/maxnr", "2");
    site.succeed({"create-resource", "r", "/dev/vg/data"});
    CHECK(site.r("replay-a") == "log-000100002-a,0,0");
    CHECK(site.r("skip-check-a") == "100002");
    CHECK(site.r("maxnr") == "100002");
    CHECK(site.r("version-000100001-a") == kZero + ",log-000100001-a,0:");
}

TEST_CASE("create-resource finds its disk through symlinks") {
    Member site;
    REQUIRE(site.hand->storage().write_symlink("/dev/vg/link", "/dev/vg/.t", "data", Stamp{1, 0}));
    site.succeed({"create-resource", "r", "/dev/vg/link"});
    CHECK(site.r("data-a") == "/dev/vg/link");
}

TEST_CASE("create-resource refuses what cannot work, and changes nothing") {
    Member site;
    SECTION("no disk") {
        site.refuse({"create-resource", "r", "/dev/vg/none"}, "disk.missing");
    }
    SECTION("a relative path") {
        site.refuse({"create-resource", "r", "data"}, "disk.missing");
    }
    SECTION("a size instead of a disk") {
        site.refuse({"create-resource", "r", "1G"}, "disk.missing");
        CHECK(site.output.text(Severity::error).find("truncate -s") != std::string::npos);
    }
    SECTION("a directory") {
        site.refuse({"create-resource", "r", "/dev/vg"}, "disk.missing");
    }
    SECTION("too small") {
        site.refuse({"create-resource", "r", "/dev/vg/tiny"}, "disk.size");
    }
    SECTION("larger than the disk") {
        site.refuse({"create-resource", "r", "/dev/vg/data", "r", "2M"}, "disk.size");
    }
    SECTION("no multiple of 4096") {
        site.refuse({"create-resource", "r", "/dev/vg/data", "r", "1000000"}, "usage.size");
    }
    SECTION("a malformed size") {
        site.refuse({"create-resource", "r", "/dev/vg/data", "r", "big"}, "usage.size");
    }
    SECTION("a reserved name") {
        site.refuse({"create-resource", "none", "/dev/vg/data"}, "name.reserved");
    }
    SECTION("a reserved device name") {
        site.refuse({"create-resource", "r", "/dev/vg/data", "local"}, "name.reserved");
    }
    SECTION("a forbidden name") {
        site.refuse({"create-resource", "r.x", "/dev/vg/data"}, "name.syntax");
    }
    SECTION("a long name") {
        site.refuse({"create-resource", std::string(64, 'x'), "/dev/vg/data"}, "name.length");
    }
    SECTION("no space in /mars") {
        site.machine.filesystem().set_capacity("/mars", 4 << 20);
        site.refuse({"create-resource", "r", "/dev/vg/data"}, "sys.nospace");
        CHECK(site.output.text(Severity::error).find("/mars") != std::string::npos);
    }
    SECTION("a disk in use") {
        auto holder = site.machine.start_process("holder");
        std::unique_ptr<env::File> file;
        auto open = [](env::Env& env, std::unique_ptr<env::File>& out) -> env::task<void> {
            env::OpenMode mode;
            mode.write = mode.exclusive = true;
            auto opened = co_await env.storage().open("/dev/vg/data", mode);
            REQUIRE(opened);
            out = std::move(*opened);
        };
        env::TaskGroup group(*holder);
        group.spawn("open", open(*holder, file));
        REQUIRE(site.world.run_until([&] { return group.live() == 0; }, 1min));
        site.refuse({"create-resource", "r", "/dev/vg/data"}, "disk.busy");
        CHECK(site.output.text(Severity::error).find("lsblk /dev/vg/data") != std::string::npos);
        file.reset();
    }
    SECTION("a disk of another resource") {
        site.succeed({"create-resource", "x", "/dev/vg/data"});
        site.refuse({"create-resource", "r", "/dev/vg/data"}, "disk.busy");
    }
    SECTION("a device name of another resource") {
        site.succeed({"create-resource", "x", "/dev/vg/data", "dev"});
        site.refuse({"create-resource", "r", "/srv/image", "dev"}, "device.name");
    }
    SECTION("a second create") {
        site.succeed({"create-resource", "r", "/dev/vg/data"});
        site.refuse({"create-resource", "r", "/srv/image"}, "res.exists");
        CHECK(site.output.text(Severity::error).find("marsadm join-resource r") != std::string::npos);
    }
    SECTION("old logs of this host") {
        site.file("resource-r/log-000000005-a", "old");
        site.refuse({"create-resource", "r", "/dev/vg/data"}, "res.remains");
    }
}

TEST_CASE("a dry run of create-resource leaves nothing") {
    Member site;
    auto before = site.snapshot();
    auto result = site.run({"-d", "create-resource", "r", "/dev/vg/data"});
    CHECK(result.exit == 0);
    CHECK(site.snapshot() == before);
    CHECK(site.output.text(Severity::info).find("would set /mars/resource-r/primary = a") != std::string::npos);
}

namespace {

// Resource r with the only member b; a is to join.
struct Joiner : Pair {
    Joiner() {
        for (const char* key :
             {"data", "device", "actsize", "syncstatus", "replay", "version-000000002", "version-000000003"})
            REQUIRE(hand->storage().remove("/mars/resource-r/" + std::string(key) + "-a"));
        for (const char* directory : {"todo-a", "actual-a", "defaults-a", "local-a"}) {
            auto path = "/mars/resource-r/" + std::string(directory);
            auto entries = hand->storage().list(path);
            REQUIRE(entries);
            for (const auto& entry : *entries) REQUIRE(hand->storage().remove(path + "/" + entry.name));
            REQUIRE(hand->storage().remove_directory(path));
        }
        machine.filesystem().add_disk("/dev/vg/data", 1 << 20);
        machine.filesystem().add_disk("/dev/vg/large", 1 << 21);
        machine.filesystem().add_disk("/dev/vg/small", 1 << 19);
    }
};

} // namespace

TEST_CASE("join-resource makes the keys of a new replica") {
    Joiner site;
    site.succeed({"join-resource", "r", "/dev/vg/data"});
    CHECK(site.r("data-a") == "/dev/vg/data");
    CHECK(site.r("device-a") == "r");
    CHECK(site.r("replay-a") == "log-000000003-b,0,0");
    CHECK(site.r("version-000000003-a") == site.r("version-000000003-b"));
    CHECK(site.r("version-000000002-a") == site.r("version-000000002-b"));
    CHECK(site.r("skip-check-a") == "3");
    CHECK(site.r("syncstatus-a") == "0");
    CHECK(site.r("actual-a/if-on") == "0");
    for (const char* name : {"attach", "connect", "sync", "allow-replay"})
        CHECK(site.r(std::string("todo-a/") + name) == "1");
    CHECK(site.r("primary") == "b");
    CHECK(site.stamp("resource-r/data-a") == site.stamp("resource-r/syncstatus-a"));
    CHECK(site.stamp("resource-r/data-a") < site.stamp("resource-r/todo-a/attach"));
    site.refuse({"join-resource", "r", "/dev/vg/large"}, "res.joined");
}

TEST_CASE("join-resource refuses what cannot work, and changes nothing") {
    Joiner site;
    SECTION("unknown resource") {
        site.refuse({"join-resource", "x", "/dev/vg/data"}, "res.missing");
        CHECK(site.output.text(Severity::error).find("marsadm create-resource x") != std::string::npos);
    }
    SECTION("no disk") {
        site.refuse({"join-resource", "r", "/dev/vg/none"}, "disk.missing");
    }
    SECTION("too small a disk") {
        site.refuse({"join-resource", "r", "/dev/vg/small"}, "disk.toosmall");
        auto text = site.output.text(Severity::error);
        CHECK(text.find("524288") != std::string::npos);
        CHECK(text.find("1048576") != std::string::npos);
    }
    SECTION("no primary") {
        site.set("resource-r/primary", "(none)");
        site.refuse({"join-resource", "r", "/dev/vg/data"}, "role.none");
    }
    SECTION("itself the primary") {
        site.set("resource-r/primary", "a");
        site.refuse({"join-resource", "r", "/dev/vg/data"}, "role.self");
    }
    SECTION("the primary in emergency") {
        site.set("resource-r/actual-b/has-emergency", "1");
        site.refuse({"join-resource", "r", "/dev/vg/data"}, "emergency.primary");
    }
    SECTION("a primary that is silent, whose position may be an old one") {
        site.beating.erase("b");
        site.refuse({"join-resource", "r", "/dev/vg/data"}, "replay.link");
        CHECK(site.output.text(Severity::error).find("the primary b is not known: it has not answered host a") !=
              std::string::npos);
    }
    SECTION("no position of the primary") {
        site.set("resource-r/replay-b", "nonsense");
        site.refuse({"join-resource", "r", "/dev/vg/data"}, "replay.link");
    }
    SECTION("old logs of this host") {
        site.file("resource-r/log-000000004-a", "x");
        site.set("resource-r/version-000000004-a", "00000000000000000000000000000000,log-000000003-b,4096:", 1h);
        site.set("resource-r/replay-a", "log-000000004-a,0,0");
        site.refuse({"join-resource", "r", "/dev/vg/data"}, "res.remains");
        CHECK(site.output.text(Severity::error).find("marsadm log-purge-all r") != std::string::npos);
    }
    SECTION("no address of this host") {
        REQUIRE(site.hand->storage().remove("/mars/ips/ip-a"));
        site.refuse({"join-resource", "r", "/dev/vg/data"}, "sys.noaddress");
    }
    SECTION("marsd does not run") {
        site.beating.clear();
        site.world.run_for(10min);
        site.refuse({"join-resource", "r", "/dev/vg/data"}, "dp.required");
    }
}

TEST_CASE("leave-resource deletes everything of this host") {
    Pair site;
    site.both_obey();
    site.refuse({"leave-resource", "r"}, "actual.on");
    CHECK(site.output.text(Severity::error).find("todo-a/attach is 1") != std::string::npos);
    site.succeed({"down", "r"});
    site.world.run_for(5min);
    site.alive({"a", "b"});
    site.succeed({"leave-resource", "r"});
    for (const char* key : {"replay-a", "data-a", "syncstatus-a", "device-a", "actsize-a", "todo-a/attach",
                            "actual-a/is-primary", "version-000000003-a"}) {
        INFO(key);
        CHECK(site.raw(std::string("resource-r/") + key) == ".deleted");
    }
    CHECK(site.r("replay-b") == "log-000000003-b,4096,0");
    CHECK(site.r("version-000000003-b") == Pair::kVersion3);
    CHECK(site.exists("resource-r/log-000000003-b"));
}

TEST_CASE("leave-resource knows a settled role also where the cluster's clock is far ahead") {
    Pair site;
    site.both_obey();
    site.succeed({"down", "r"});
    site.world.run_for(5min);
    site.alive({"a", "b"});
    const auto ahead = -20 * 24h;
    site.set("resource-r/primary", "b", ahead);
    site.set("actual-a/read-time", site.machine.real_time().text(), ahead);
    const auto begin = site.machine.real_time();
    site.succeed({"leave-resource", "r"});
    CHECK(site.machine.real_time() - begin >= 30s); // no stamp tells how long the role has been settled
}

TEST_CASE("leave-resource waits no longer than --timeout until the role has settled, and says how long that takes") {
    Pair site;
    site.both_obey();
    site.succeed({"down", "r"});
    const auto begin = site.machine.real_time();
    SECTION("marsd is silent") {
        site.beating.clear();
        site.world.run_for(2min);
        site.refuse({"leave-resource", "r", "--timeout=4"}, "role.flipping");
        CHECK(site.machine.real_time() - begin < 2min + 15s);
        CHECK(site.output.text(Severity::error).find("is marsd running there?") != std::string::npos);
        CHECK(site.output.text(Severity::progress).find("for 4.0 s at most") != std::string::npos);
    }
    SECTION("the role has changed a moment ago") {
        site.world.run_for(2min);
        site.alive({"a", "b"});
        site.set("resource-r/primary", "b", 10s);
        site.succeed({"leave-resource", "r"});
        CHECK(site.output.text(Severity::progress).find("has changed 11 s ago, expected 30 s at least") !=
              std::string::npos);
    }
}

TEST_CASE("leave-resource is refused for the primary") {
    Pair site;
    site.set("resource-r/primary", "a", 5min);
    site.refuse({"leave-resource", "r"}, "role.designated");
    site.set("resource-r/actual-a/is-primary", "1", 0s);
    site.refuse({"leave-resource", "r"}, "role.isprimary");
    site.refuse({"leave-resource", "unknown"}, "res.missing");
}

TEST_CASE("a host that has left can join again") {
    Pair site;
    site.both_obey();
    site.machine.filesystem().add_disk("/dev/vg/a", 1 << 20);
    site.succeed({"down", "r"});
    site.succeed({"leave-resource", "r"});
    site.succeed({"join-resource", "r", "/dev/vg/a"});
    CHECK(site.r("replay-a") == "log-000000003-b,0,0");
}

TEST_CASE("delete-resource keeps only the highest number, and refuses members") {
    Pair site;
    site.refuse({"delete-resource", "r"}, "res.notempty");
    CHECK(site.output.text(Severity::error).find("a, b") != std::string::npos);
    site.refuse({"delete-resource", "x"}, "res.missing");
    auto before = site.snapshot();
    CHECK(site.run({"delete-resource", "x", "--force"}).exit == 0);
    CHECK(site.snapshot() == before);
    CHECK(site.run({"delete-resource", "r", "--force", "--dry-run"}).exit == 0);
    CHECK(site.snapshot() == before);
    site.succeed({"delete-resource", "r", "--force"});
    CHECK(site.r("maxnr") == "3");
    for (const char* key : {"size", "primary", "data-a", "data-b", "replay-b", "todo-b/attach",
                            "userspace/last-primary", "log-000000003-b", "version-000000003-b"}) {
        INFO(key);
        CHECK(site.raw(std::string("resource-r/") + key) == ".deleted");
    }
}
