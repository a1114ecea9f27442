// SPDX-License-Identifier: GPL-2.0-or-later
// `primary` and `secondary` when the old primary is silent, was stopped in order, or has been removed from the
// resource. Spec: verbs 4.17, 4.18, 6.9; docs/architecture.md, "News on demand".
#include "fixture.hpp"

using namespace mars;
using namespace mars::shell;
using namespace mars::shell::testing;

namespace {

// The primary b has lost its power a while ago.
struct Lost : Pair {
    Lost() {
        on_tick = [this] { obey("a"); };
        beating.erase("b");
        world.run_for(2min);
        alive({"a"});
    }
    std::string errors() const { return output.text(Severity::error); }
};

} // namespace

TEST_CASE("a designated primary that was removed from the resource counts as nobody") {
    Lost site;
    site.succeed({"--host=b", "--force", "leave-resource", "r"});
    REQUIRE(site.r("primary") == "b"); // b may be at work behind a broken line: only a new primary calls it off
    SECTION("another host becomes primary") {
        site.succeed({"primary", "r"});
        CHECK(site.r("primary") == "a");
        CHECK(site.output.text(Severity::info).find("designated primary: b -> (none)") != std::string::npos);
    }
    SECTION("the usual checks hold") {
        site.set("resource-r/syncstatus-a", "4096");
        site.refuse({"primary", "r"}, "sync.self");
    }
    SECTION("nobody becomes primary") {
        site.succeed({"secondary", "r"});
        CHECK(site.r("primary") == "(none)");
        site.succeed({"primary", "r"});
        CHECK(site.r("primary") == "a");
    }
    SECTION("there is nobody to copy from") {
        site.refuse({"invalidate", "r"}, "role.none");
        CHECK(site.errors().find("b is no member of it any more") != std::string::npos);
    }
}

TEST_CASE("a host that has gone for good is no dead end") {
    Lost site;
    site.refuse({"primary", "r", "--timeout=5"}, "wait.phase");
    CHECK(site.errors().find("the old primary keeps its role: try again when it answers, or, if it has gone for good, "
                             "first: marsadm --host=b --force leave-resource r") != std::string::npos);
}

TEST_CASE("a primary that has not answered is not called off") {
    Lost site;
    SECTION("it is silent") {
        const auto result = site.refuse({"secondary", "r", "--timeout=5"}, "wait.phase");
        CHECK(result.exit == 3);
        CHECK(site.errors().find("host b has not answered host a") != std::string::npos);
        CHECK(site.errors().find("host b stays the designated primary") != std::string::npos);
        CHECK(site.errors().find("marsadm --host=b --force leave-resource r") != std::string::npos);
    }
    SECTION("it answers late") {
        int ticks = 0;
        site.on_tick = [&] {
            site.obey("a");
            site.obey("b");
            if (++ticks == 100) site.alive({"b"});
        };
        site.succeed({"secondary", "r"});
        CHECK(ticks >= 100);
        CHECK(site.r("primary") == "(none)");
    }
    SECTION("marsd does not run here, so nobody can be asked") {
        site.beating.clear();
        site.world.run_for(10min);
        site.refuse({"secondary", "r"}, "dp.required");
    }
    SECTION("--force") {
        site.set("resource-r/todo-a/connect", "0");
        site.succeed({"--force", "secondary", "r"});
        CHECK(site.r("primary") == "(none)");
    }
}

TEST_CASE("when the old primary does not leave its role, secondary says how to undo it") {
    Pair site;
    site.on_tick = [&] { site.obey("a"); };
    CHECK(site.run({"secondary", "r", "--timeout=5"}).exit == 3);
    CHECK(site.r("primary") == "(none)");
    CHECK(site.output.text(Severity::error).find("to keep it in its role: marsadm primary r on host b") !=
          std::string::npos);
}

TEST_CASE("a host that was stopped in order keeps nobody waiting") {
    Pair site;
    site.set("resource-r/primary", "(none)", 20s);
    site.set("resource-r/actual-b/is-primary", "0");
    site.set("resource-r/actual-b/if-on", "0");
    site.set("resource-r/actual-b/primary-seen", "(none)," + site.stamp("resource-r/primary").text());
    site.on_tick = [&] { site.obey("a"); };
    site.beating.erase("b");
    site.set("actual-b/stopped", "1", 5s);
    site.set("actual-b/alive", "0", 4s);
    const auto begin = site.machine.real_time();
    site.succeed({"primary", "r"});
    CHECK(site.machine.real_time() - begin < 15s);
}
