// SPDX-License-Identifier: GPL-2.0-or-later
// `primary --force`: what it says, what it wants, and what it writes. Spec: verbs 4.17, 6.5.
#include "tests/unit/shell/units_fixture.hpp"

using namespace mars;
using namespace mars::shell;
using namespace mars::shell::testing;

namespace {

// The primary b has lost its power; of log 3, it had told 4096 bytes more than has arrived here.
struct Dead : Pair {
    static constexpr std::string_view kLonger = "92eb5ffee6ae2fec3ad71c777531578f,log-000000003-b,8192:"
                                                "19daf2d1dbd4aba87d78e6a0c210666e,log-000000002-b,8192";
    Dead() {
        on_tick = [this] { obey("a"); };
        beating.erase("b");
        world.run_for(2min);
        alive({"a"});
        set("resource-r/version-000000003-b", std::string(kLonger), 30s);
        set("resource-r/version-000000003-a", std::string(kVersion3), 42s);
        set("resource-r/todo-a/connect", "0");
    }
    std::string errors() const { return output.text(Severity::error); }
    std::string warnings() const { return output.text(Severity::warning); }
};

} // namespace

TEST_CASE("a forced switch needs a paused fetch, a whole replica, and a disk") {
    Dead site;
    SECTION("fetch is on") {
        site.set("resource-r/todo-a/connect", "1");
        site.refuse({"primary", "r", "--force", "--yes"}, "todo.on");
        CHECK(site.errors().find("pause-fetch r") != std::string::npos);
        site.refuse({"force-primary", "r", "--yes"}, "todo.on");
    }
    SECTION("an incomplete replica is never made primary") {
        site.set("resource-r/syncstatus-a", "4096");
        site.refuse({"primary", "r", "--force", "--yes"}, "sync.self");
    }
    SECTION("switches that are off") {
        site.set("resource-r/todo-a/allow-replay", "0");
        site.refuse({"primary", "r", "--force", "--yes"}, "todo.off");
    }
    SECTION("a disk that is not believed in") {
        site.set("resource-r/actual-a/disk-error", "-116");
        site.set("resource-r/actual-a/msg-err-disk-mismatch", "1.000000000 1.000000000 the block at byte 0 differs");
        site.refuse({"primary", "r", "--force", "--yes"}, "disk.unproven");
    }
    SECTION("marsd does not run") {
        site.beating.clear();
        site.world.run_for(10min);
        site.refuse({"primary", "r", "--force", "--yes"}, "dp.required");
    }
}

TEST_CASE("before a forced switch changes anything, it says what is lost, and wants agreement") {
    Dead site;
    SECTION("without a terminal") {
        site.refuse({"primary", "r", "--force"}, "role.unconfirmed");
        CHECK(site.errors().find("there is no terminal to ask on; nothing was changed") != std::string::npos);
        CHECK(site.errors().find("marsadm primary --force --yes r") != std::string::npos);
        CHECK(site.warnings().find("host b, the primary so far, which was last heard of") != std::string::npos);
        CHECK(site.warnings().find("4096 bytes") != std::string::npos);
        CHECK(site.warnings().find("about what was written in the last 12") != std::string::npos);
    }
    SECTION("something else is typed") {
        site.local.typed = "yes";
        site.refuse({"primary", "r", "--force"}, "role.unconfirmed");
        CHECK(site.errors().find("found \"yes\"") != std::string::npos);
    }
    SECTION("the name is typed") {
        site.local.typed = "r";
        site.succeed({"primary", "r", "--force"});
        REQUIRE(site.local.asked.size() == 1);
        CHECK(site.local.asked.front().find("(r)") != std::string::npos);
        CHECK(site.r("primary") == "a");
    }
    SECTION("all is here") {
        site.set("resource-r/version-000000003-b", std::string(Pair::kVersion3));
        site.refuse({"primary", "r", "--force"}, "role.unconfirmed");
        CHECK(site.warnings().find("all that it has told of its logs is here") != std::string::npos);
    }
    SECTION("a dry run asks nobody, and says it, too") {
        const auto before = site.snapshot();
        site.succeed({"primary", "r", "--force", "--dry-run"});
        CHECK(site.local.asked.empty());
        CHECK(site.output.text(Severity::info).find("4096 bytes") != std::string::npos);
        CHECK(Site::difference(before, site.snapshot()) == "");
    }
    SECTION("somebody has more") {
        site.set("ips/ip-c", "10.0.0.3");
        site.set("resource-r/data-c", "/dev/vg/c");
        site.set("resource-r/device-c", "r");
        site.set("resource-r/replay-c", "log-000000003-b,8192,0");
        site.set("resource-r/version-000000003-c", std::string(Dead::kLonger));
        site.refuse({"primary", "r", "--force"}, "role.unconfirmed");
        CHECK(site.warnings().find("host c has told of 4096 bytes") != std::string::npos);
    }
    SECTION("the old primary is alive") {
        site.alive({"b"});
        site.refuse({"primary", "r", "--force"}, "role.unconfirmed");
        CHECK(site.warnings().find("host b is alive") != std::string::npos);
    }
}

TEST_CASE("a forced switch waits for nobody, designates with a full stamp, and switches all on") {
    Dead site;
    const auto begin = site.machine.real_time();
    site.succeed({"primary", "r", "--force", "--yes"});
    CHECK(site.machine.real_time() - begin < 15s);
    CHECK(site.r("primary") == "a");
    CHECK(begin < site.stamp("resource-r/primary"));
    CHECK(site.r("userspace/prev-primary") == "b");
    CHECK(site.r("userspace/last-primary") == "a");
    CHECK(site.r("local-a/primary-forced") == "b");
    CHECK(site.stamp("resource-r/local-a/primary-forced") == site.stamp("resource-r/primary"));
    CHECK(site.r("todo-a/connect") == "1");
    CHECK(site.r("userspace/handover-a") == "");
    SECTION("again: it is primary already") {
        site.set("resource-r/todo-a/connect", "0");
        const auto before = site.stamp("resource-r/primary");
        site.succeed({"primary", "r", "--force"});
        CHECK(site.stamp("resource-r/primary") == before);
    }
}

TEST_CASE("a device that does not appear after a forced switch is told, and fetch stays paused") {
    Dead site;
    site.on_tick = nullptr;
    site.set("resource-r/actual-a/is-copying", "0");
    const auto result = site.run({"primary", "r", "--force", "--yes", "--timeout=5"});
    CHECK(result.exit != 0);
    CHECK(site.r("primary") == "a");
    CHECK(site.r("todo-a/connect") == "0");
}

TEST_CASE("after a forced switch the application is started here, and nobody waits for its end over there") {
    Units site;
    site.configure("b");
    site.open("b", true); // as it was when b died
    site.on_tick = [&] { site.obey("a"); };
    site.beating.erase("b");
    site.world.run_for(2min);
    site.alive({"a"});
    site.set("resource-r/todo-a/connect", "0");
    site.succeed({"primary", "r", "--force", "--yes"});
    CHECK(site.r("primary") == "a");
    CHECK(site.r("systemd-want") == "a");
    CHECK(site.stamp("resource-r/systemd-want") == site.stamp("resource-r/primary"));
    CHECK(site.fake.active.contains("app-r.service"));
    CHECK(site.r("actual-a/open-count") == "1");
}
