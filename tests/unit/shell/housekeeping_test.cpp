// SPDX-License-Identifier: GPL-2.0-or-later
// Log rotation, deletion and purging: what goes, what must stay. Spec: verbs 2.7, 4.23 … 4.25, 4.30 … 4.32.
#include "fixture.hpp"

#include "shell/steps/purge.hpp"

using namespace mars;
using namespace mars::shell;
using namespace mars::shell::testing;

namespace {

// The acting host is the primary of r, with two own logs; everybody has applied all but the last one.
struct Primary : Pair {
    Primary() {
        set("resource-r/primary", "a");
        set("resource-r/actual-a/is-primary", "1");
        set("resource-r/actual-b/is-primary", "0");
        for (const char* name : {"log-000000002-b", "log-000000003-b"})
            REQUIRE(hand->storage().remove("/mars/resource-r/" + std::string(name)));
        file("resource-r/log-000000002-a", std::string(100, 'x'));
        file("resource-r/log-000000003-a", std::string(100, 'x'));
        for (const std::string host : {"a", "b"}) {
            set("resource-r/replay-" + host, "log-000000003-a,100,0");
            for (int n = 0; n < 4; ++n)
                set("resource-r/version-00000000" + std::to_string(n) + "-" + host,
                    "00000000000000000000000000000000,log-00000000" + std::to_string(n) + "-a,100:");
        }
        world.run_for(10min);
        alive({"a", "b"});
    }
};

} // namespace

TEST_CASE("log-rotate makes the next empty log on the primary") {
    Primary site;
    site.succeed({"log-rotate", "r"});
    REQUIRE(site.hand->storage().status("/mars/resource-r/log-000000004-a"));
    CHECK(site.hand->storage().status("/mars/resource-r/log-000000004-a")->size == 0);
    CHECK(site.r("maxnr") == "4");
    site.succeed({"log-rotate", "r"});
    CHECK_FALSE(site.exists("resource-r/log-000000005-a"));
    CHECK(site.output.text(Severity::info).find("is empty") != std::string::npos);
}

TEST_CASE("log-rotate does nothing without need") {
    Primary site;
    SECTION("on a secondary") {
        site.set("resource-r/actual-a/is-primary", "0");
        site.set("resource-r/actual-a/if-on", "0");
        auto before = site.snapshot();
        site.succeed({"log-rotate", "r"});
        CHECK(Site::difference(before, site.snapshot()).empty());
        CHECK(site.output.text(Severity::warning).find("is not primary") != std::string::npos);
    }
    SECTION("when there are many small logs") {
        site.succeed({"log-rotate", "r", "--thresh-logfiles=1"});
        CHECK_FALSE(site.exists("resource-r/log-000000004-a"));
    }
    SECTION("when the last log has no version link") {
        REQUIRE(site.hand->storage().remove("/mars/resource-r/version-000000003-a"));
        site.succeed({"log-rotate", "r"});
        CHECK_FALSE(site.exists("resource-r/log-000000004-a"));
    }
    SECTION("in a dry run") {
        site.succeed({"log-rotate", "r", "-d"});
        CHECK_FALSE(site.exists("resource-r/log-000000004-a"));
    }
}

TEST_CASE("a log takes the place of the marker of its deletion") {
    Primary site;
    site.set("resource-r/log-000000004-a", ".deleted");
    site.succeed({"log-rotate", "r"});
    REQUIRE(site.hand->storage().status("/mars/resource-r/log-000000004-a"));
    CHECK(site.hand->storage().status("/mars/resource-r/log-000000004-a")->kind == env::FileKind::regular);
}

TEST_CASE("logs that everybody has applied are deleted, and one version link more than logs stays") {
    Primary site;
    site.succeed({"log-delete-all", "r"});
    CHECK(site.raw("resource-r/log-000000002-a") == ".deleted");
    CHECK(site.raw("resource-r/log-000000003-a").empty());
    CHECK(site.exists("resource-r/log-000000003-a"));
    for (const char* name : {"version-000000000-a", "version-000000001-b"})
        CHECK(site.raw(std::string("resource-r/") + name) == ".deleted");
    for (const char* name : {"version-000000002-a", "version-000000003-b"})
        CHECK_FALSE(site.get(std::string("resource-r/") + name).empty());
}

TEST_CASE("logs that somebody needs, young ones and the last one stay") {
    Primary site;
    SECTION("a member is behind") {
        site.set("resource-r/replay-b", "log-000000002-a,10,90");
    }
    SECTION("a young log") {
        site.file("resource-r/log-000000002-a", "young");
    }
    SECTION("a member of unknown position is a reason to refuse") {
        site.set("resource-r/replay-b", ".deleted");
        site.refuse({"log-delete-all", "r"}, "replay.link");
        CHECK(site.run({"cron"}).exit == 0);
    }
    auto before = site.exists("resource-r/log-000000002-a");
    (void)site.run({"log-delete-all", "r"});
    CHECK(site.raw("resource-r/log-000000002-a").empty());
    CHECK(site.exists("resource-r/log-000000002-a") == before);
}

TEST_CASE("log-delete-one deletes the lowest number only") {
    Primary site;
    site.file("resource-r/log-000000001-a", "x");
    site.world.run_for(10min);
    site.alive({"a", "b"});
    site.succeed({"log-delete-one", "r"});
    CHECK(site.raw("resource-r/log-000000001-a") == ".deleted");
    CHECK(site.raw("resource-r/log-000000002-a").empty());
}

TEST_CASE("cron rotates, deletes, and is idempotent") {
    Primary site;
    site.succeed({"cron"});
    CHECK(site.exists("resource-r/log-000000004-a"));
    CHECK(site.raw("resource-r/log-000000002-a") == ".deleted");
    auto before = site.snapshot();
    site.succeed({"cron"});
    CHECK(Site::difference(before, site.snapshot()).empty());
}

TEST_CASE("markers that all peers have seen are removed, others stay") {
    Pair site;
    site.set("resource-r/old", ".deleted", 2h);
    site.set("resource-r/todo-a/old", ".deleted", 2h);
    site.set("resource-r/young", ".deleted", 5s);
    site.set("userspace/old", ".deleted", 2h);
    site.set("ips/ip-gone", ".deleted", 2h);
    site.set("resource-r/alive", "x", 2h);
    site.succeed({"link-purge-all", "all"});
    CHECK_FALSE(site.exists("resource-r/old"));
    CHECK_FALSE(site.exists("resource-r/todo-a/old"));
    CHECK_FALSE(site.exists("userspace/old"));
    CHECK(site.exists("resource-r/young"));
    CHECK(site.exists("ips/ip-gone"));
}

TEST_CASE("markers stay while a peer has not been heard of since") {
    Pair site;
    site.beating.erase("b");
    site.set("actual-b/time", (site.machine.real_time() + -3h).text(), 3h);
    site.set("resource-r/old", ".deleted", 2h);
    site.succeed({"link-purge-all", "all"});
    CHECK(site.exists("resource-r/old"));
    site.succeed({"link-purge-all", "all", "--force"});
    CHECK_FALSE(site.exists("resource-r/old"));
}

TEST_CASE("temporaries of interrupted commands are removed when they are old") {
    Pair site;
    auto put = [&](const std::string& name, Duration age) {
        REQUIRE(site.hand->storage().write_symlink("/mars/resource-r/" + name, "/mars/resource-r/.x", "1",
                                                   site.machine.real_time() + -age));
    };
    put(".tmp.123.size", 2h);
    put(".tmp.124.size", 1min);
    site.succeed({"cron"});
    CHECK_FALSE(site.exists("resource-r/.tmp.123.size"));
    CHECK(site.exists("resource-r/.tmp.124.size"));
}

TEST_CASE("purging keeps what replicas lead to, and what other hosts own") {
    Pair site;
    site.file("resource-r/log-000000003-a", "diverged");
    site.set(
        "resource-r/version-000000003-a",
        "a4253b9df7f349f5334b89a9027ff8d3,log-000000003-a,8:19daf2d1dbd4aba87d78e6a0c210666e,log-000000002-b,8192");
    site.file("resource-r/log-000000009-c", "foreign");
    site.succeed({"log-purge-all", "r"});
    CHECK(site.raw("resource-r/log-000000003-a") == ".deleted");
    CHECK(site.raw("resource-r/version-000000003-a") == ".deleted");
    CHECK_FALSE(site.get("resource-r/version-000000002-a").empty());
    CHECK_FALSE(site.get("resource-r/version-000000003-b").empty());
    CHECK(site.raw("resource-r/log-000000003-b").empty());
    CHECK(site.raw("resource-r/log-000000009-c").empty());
    site.succeed({"log-purge-all", "r", "--force"});
    CHECK(site.raw("resource-r/log-000000009-c") == ".deleted");
    CHECK(site.raw("resource-r/log-000000003-b").empty());
}

TEST_CASE("without any replay link nothing is purged") {
    Pair site;
    site.set("resource-r/replay-a", ".deleted");
    site.set("resource-r/replay-b", ".deleted");
    auto before = site.snapshot();
    site.succeed({"log-purge-all", "r"});
    CHECK(Site::difference(before, site.snapshot()).empty());
}

TEST_CASE("err-purge-all deletes the error messages of this host") {
    Pair site;
    site.set("resource-r/actual-a/msg-err-replay-stop", "1.000000000 1.000000000 broken");
    site.set("resource-r/actual-a/msg-wrn-space-low", "OK");
    site.set("resource-r/actual-b/msg-err-replay-stop", "OK");
    site.succeed({"err-purge-all", "r"});
    CHECK(site.raw("resource-r/actual-a/msg-err-replay-stop") == ".deleted");
    CHECK(site.raw("resource-r/actual-a/msg-wrn-space-low") == "OK");
    CHECK(site.raw("resource-r/actual-b/msg-err-replay-stop") == "OK");
}
