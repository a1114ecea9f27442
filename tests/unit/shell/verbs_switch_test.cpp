// SPDX-License-Identifier: GPL-2.0-or-later
// Switches: each verb moves exactly its keys. Spec: verbs 4.12 … 4.16, 1.9.
#include "fixture.hpp"

using namespace mars;
using namespace mars::shell;
using namespace mars::shell::testing;

TEST_CASE("each switch verb moves its key, locally or for all members") {
    struct Row {
        const char* verb;
        const char* key;
        bool on;
        bool global;
    };
    const Row rows[] = {
        {"pause-fetch", "connect", false, false},
        {"pause-fetch-local", "connect", false, false},
        {"disconnect", "connect", false, false},
        {"disconnect-local", "connect", false, false},
        {"pause-fetch-global", "connect", false, true},
        {"disconnect-global", "connect", false, true},
        {"disconnect-all", "connect", false, true},
        {"resume-fetch", "connect", true, false},
        {"connect", "connect", true, false},
        {"resume-fetch-global", "connect", true, true},
        {"connect-global", "connect", true, true},
        {"pause-replay", "allow-replay", false, false},
        {"pause-replay-local", "allow-replay", false, false},
        {"pause-replay-global", "allow-replay", false, true},
        {"resume-replay", "allow-replay", true, false},
        {"resume-replay-global", "allow-replay", true, true},
        {"pause-sync", "sync", false, false},
        {"pause-sync-global", "sync", false, true},
        {"resume-sync", "sync", true, false},
        {"resume-sync-local", "sync", true, false},
        {"resume-sync-global", "sync", true, true},
    };
    Pair site;
    for (const auto& row : rows) {
        INFO(row.verb);
        for (const char* host : {"a", "b"})
            for (const char* name : {"attach", "connect", "sync", "allow-replay"})
                site.set("resource-r/todo-" + std::string(host) + "/" + name, row.on ? "0" : "1");
        auto before = site.snapshot();
        site.succeed({row.verb, "r"});
        std::set<std::string> changed;
        for (const auto& [path, value] : site.snapshot())
            if (before[path] != value) changed.insert(path);
        std::set<std::string> expected{"/mars/resource-r/todo-a/" + std::string(row.key)};
        if (row.global) expected.insert("/mars/resource-r/todo-b/" + std::string(row.key));
        CHECK(changed == expected);
        CHECK(site.r("todo-a/" + std::string(row.key)) == (row.on ? "1" : "0"));
    }
}

TEST_CASE("switching on what is on writes nothing") {
    Pair site;
    auto before = site.snapshot();
    site.succeed({"resume-fetch", "r"});
    CHECK(site.snapshot() == before);
    CHECK(site.output.text(Severity::info).find("already on") != std::string::npos);
}

TEST_CASE("a sync needs a source") {
    Pair site;
    site.set("resource-r/todo-a/sync", "0");
    site.set("resource-r/primary", "(none)");
    site.refuse({"resume-sync", "r"}, "role.none");
    site.refuse({"resume-sync-global", "r"}, "role.none");
    site.set("resource-r/primary", "b");
    site.set("resource-r/actual-b/has-emergency", "1");
    site.refuse({"resume-sync", "r"}, "emergency.primary");
}

TEST_CASE("down and up move all four switches and wait for the disk") {
    Pair site;
    site.both_obey();
    site.succeed({"down", "r"});
    for (const char* name : {"attach", "connect", "sync", "allow-replay"})
        CHECK(site.r(std::string("todo-a/") + name) == "0");
    CHECK(site.r("actual-a/is-attached") == "0");
    site.succeed({"up", "r"});
    for (const char* name : {"attach", "connect", "sync", "allow-replay"})
        CHECK(site.r(std::string("todo-a/") + name) == "1");
    CHECK(site.r("actual-a/is-attached") == "1");
}

TEST_CASE("up without a source for a sync leaves that switch alone, and succeeds") {
    Pair site;
    site.both_obey();
    site.succeed({"down", "r"});
    site.set("resource-r/primary", "(none)", 0s);
    site.succeed({"up", "r"});
    CHECK(site.r("todo-a/sync") == "0");
    CHECK(site.r("todo-a/attach") == "1");
    CHECK(site.output.text(Severity::warning).find("sync is left alone") != std::string::npos);
}

TEST_CASE("detach keeps the other switches, and is refused while the device is open") {
    Pair site;
    site.both_obey();
    site.set("resource-r/actual-a/open-count", "1");
    site.refuse({"detach", "r"}, "device.inuse");
    site.refuse({"down", "r"}, "device.inuse");
    site.set("resource-r/actual-a/open-count", "0");
    site.succeed({"detach", "r"});
    CHECK(site.r("todo-a/attach") == "0");
    CHECK(site.r("todo-a/connect") == "1");
    site.succeed({"attach", "r"});
}

TEST_CASE("a disk that cannot be opened ends the wait with the reason") {
    Pair site;
    site.set("resource-r/todo-a/attach", "0");
    site.set("resource-r/actual-a/is-attached", "0");
    site.on_tick = [&] {
        if (site.r("todo-a/attach") == "1" && site.r("actual-a/disk-error") != "-16")
            site.set("resource-r/actual-a/disk-error", "-16", 0s);
    };
    auto result = site.run({"attach", "r"});
    CHECK(result.exit == 1);
    CHECK(site.output.text(Severity::error).find("disk-error = -16") != std::string::npos);
    CHECK(site.output.text(Severity::error).find("busy") != std::string::npos);
}

TEST_CASE("without marsd switches are written, nothing is waited for") {
    Pair site;
    site.beating.clear();
    site.world.run_for(10min);
    site.succeed({"down", "r"});
    CHECK(site.r("todo-a/attach") == "0");
    CHECK(site.output.text(Severity::warning).find("systemctl start marsd") != std::string::npos);
}

TEST_CASE("a wait that takes too long is a timeout") {
    Pair site;
    auto result = site.run({"detach", "r", "--timeout=3"});
    CHECK(result.exit == 3);
    CHECK(site.output.text(Severity::error).find("is-attached of host a is 1, expected 0") != std::string::npos);
    CHECK(site.run({"detach", "r", "--timeout=0"}).exit == 3);
}

TEST_CASE("lists and all work on every resource, and tell when some have failed") {
    Pair site;
    site.set("resource-s/device-a", "s");
    site.set("resource-s/data-a", "/dev/vg/s");
    site.set("resource-s/todo-a/connect", "1");
    site.set("resource-t/device-b", "t");
    site.succeed({"pause-fetch", "all"});
    CHECK(site.r("todo-a/connect") == "0");
    CHECK(site.get("resource-s/todo-a/connect") == "0");
    CHECK_FALSE(site.exists("resource-t/todo-a/connect"));
    site.succeed({"resume-fetch", "s,r"});
    CHECK(site.r("todo-a/connect") == "1");
    auto result = site.run({"pause-fetch", "r,t"});
    CHECK(result.exit == 5);
    REQUIRE(result.outcomes.size() == 2);
    CHECK(result.outcomes[0].resource == "r");
    CHECK_FALSE(result.outcomes[0].failed);
    CHECK(result.outcomes[1].failed);
    CHECK(site.r("todo-a/connect") == "0");
}

TEST_CASE("a resource that does not exist does not stop the others in a list") {
    Pair site;
    auto result = site.run({"pause-replay", "r,nosuch,nowhere"});
    CHECK(result.exit == 5);
    CHECK(site.r("todo-a/allow-replay") == "0");
    auto errors = site.output.text(Severity::error);
    CHECK(errors.find("resource nosuch: it is not known on host a") != std::string::npos);
    CHECK(errors.find("resource nowhere: it is not known on host a") != std::string::npos);
    CHECK(site.refuse({"resume-replay", "nosuch,nowhere"}, "res.missing").exit == 1);
    site.output.events.clear();
    result = site.run({"view-get-primary", "r,nosuch"});
    CHECK(result.exit == 5);
    CHECK(site.output.text(Severity::answer) == "r b\n");
}

TEST_CASE("two names of one resource are one resource") {
    Pair site;
    site.set("resource-r/device-a", "fancy");
    CHECK(site.run({"pause-fetch", "fancy,r"}).outcomes.size() == 1);
}

TEST_CASE("all without resources is no failure") {
    Site site;
    site.cluster({"a"});
    CHECK(site.run({"up", "all"}).exit == 0);
    CHECK(site.output.text(Severity::warning).find("member of no resource") != std::string::npos);
}

TEST_CASE("a device name is taken for its resource") {
    Pair site;
    site.set("resource-r/device-a", "fancy");
    site.succeed({"pause-fetch", "fancy"});
    CHECK(site.r("todo-a/connect") == "0");
}

TEST_CASE("DRBD habits are explained or forbidden, and touch nothing") {
    Pair site;
    auto before = site.snapshot();
    CHECK(site.run({"adjust", "r"}).exit == 0);
    CHECK(site.run({"create-md", "r"}).exit == 0);
    CHECK(site.snapshot() == before);
    site.refuse({"verify", "r"}, "verb.forbidden");
    site.refuse({"cstate", "r"}, "verb.forbidden");
    site.refuse({"resize", "r"}, "verb.nyi");
}

TEST_CASE("the limit of syncs at the same time is set and told") {
    Pair site;
    site.succeed({"get-global-sync-limit-value"});
    CHECK(site.output.text(Severity::answer) == "0\n");
    site.succeed({"set-global-sync-limit-value", "2"});
    CHECK(site.get("defaults-a/sync-limit") == "2");
    site.succeed({"get-sync-limit-value"});
    CHECK(site.output.text(Severity::answer) == "2\n");
    for (const char* wrong : {"many", "1x"}) site.refuse({"set-global-sync-limit-value", wrong}, "usage.arg");
    CHECK(site.get("defaults-a/sync-limit") == "2");
}
