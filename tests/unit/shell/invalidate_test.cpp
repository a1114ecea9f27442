// SPDX-License-Identifier: GPL-2.0-or-later
// What `invalidate` must know before it throws a replica away, and how things stand when it fails half-way.
// Spec: verbs 4.19. The rest of it: handover_test.cpp.
#include "fixture.hpp"

using namespace mars;
using namespace mars::shell;
using namespace mars::shell::testing;

TEST_CASE("invalidate throws nothing away while the primary does not answer") {
    Pair site;
    site.on_tick = [&] { site.obey("a"); };
    site.beating.erase("b");
    SECTION("it is silent") {
        const auto result = site.refuse({"invalidate", "r"}, "wait.cluster");
        CHECK(result.exit == 3);
        const auto text = site.output.text(Severity::error);
        CHECK(text.find("host b has not answered host a") != std::string::npos);
        CHECK(text.find("would be lost") != std::string::npos);
        CHECK(text.find("next: ") != std::string::npos);
    }
    SECTION("no longer than --timeout is waited for it") {
        const auto begin = site.machine.real_time();
        site.refuse({"invalidate", "r", "--timeout=4"}, "wait.cluster");
        CHECK(site.machine.real_time() - begin < 15s);
    }
    SECTION("marsd does not run here") {
        site.beating.clear();
        site.world.run_for(10min);
        site.refuse({"invalidate", "r"}, "dp.required");
    }
    SECTION("it answers late, and is behind") {
        int ticks = 0;
        site.on_tick = [&] {
            site.obey("a");
            if (++ticks != 50) return;
            site.set("resource-r/actual-b/is-primary", "0", 0s); // the news
            site.set("resource-r/replay-b", "log-000000003-b,1024,0", 0s);
            site.alive({"b"});
        };
        CHECK(site.run({"invalidate", "r"}).exit == 1);
        CHECK(ticks >= 50);
        CHECK(site.output.text(Severity::error).find("[replay.ahead]") != std::string::npos);
    }
    SECTION("--force") {
        site.succeed({"--force", "invalidate", "r"});
        CHECK(site.output.text(Severity::warning).find("host b has not answered host a") != std::string::npos);
        CHECK(site.r("syncstatus-a") == "0");
    }
}

TEST_CASE("an invalidate that fails half-way says what it has left off") {
    Pair site;
    site.on_tick = [] {}; // marsd does not follow the switches: a disk that hangs
    CHECK(site.run({"invalidate", "r", "--timeout=5"}).exit == 3);
    CHECK(site.r("todo-a/attach") == "0");
    const auto text = site.output.text(Severity::hint);
    INFO(text);
    CHECK(text.find("the switches attach, sync, connect, allow-replay are off on host a, nothing is thrown away yet") !=
          std::string::npos);
    CHECK(text.find("marsadm up r") != std::string::npos);
    CHECK(text.find("marsadm invalidate r") != std::string::npos);
    CHECK(site.output.text(Severity::error).find("marsd runs there") != std::string::npos);
}
