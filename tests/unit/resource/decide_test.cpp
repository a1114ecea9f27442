// SPDX-License-Identifier: GPL-2.0-or-later
// What a host decides about a resource, rule by rule. Rule ids are those of the symlink tree's control rules.
#include "kernel/resource/decide.hpp"

#include <catch2/catch.hpp>

#include "kernel/format/version_link.hpp"
#include "tests/unit/map_view.hpp"

using namespace mars;
using namespace mars::resource;

namespace {

// alpha is primary in log 2 (length 1000), beta a secondary that has it all; log 1 had 500 bytes.
struct Scene {
    test::MapView view;
    Local local;

    explicit Scene(const std::string& me) {
        local.me = me;
        local.disk_is_open = true;
        set("size", "1048576");
        set("primary", "alpha");
        for (std::string host : {"alpha", "beta"}) {
            view.set("ips/ip-" + host, host == "alpha" ? "10.0.0.1" : "10.0.0.2");
            set("data-" + host, "/disks/d");
            set("device-" + host, "mydata");
            set("syncstatus-" + host, "1048576");
            for (std::string what : {"attach", "connect", "sync", "allow-replay"})
                set("todo-" + host + "/" + what, "1");
            versions(host, {{1, "alpha", 500}, {2, "alpha", 1000}});
            set("replay-" + host, "log-000000002-alpha,1000,0");
        }
        logs({{2, "alpha", 1000}});
    }

    void set(const std::string& key, const std::string& value) { view.set("resource-r/" + key, value); }
    struct Log {
        std::int64_t seq;
        std::string host;
        std::int64_t length;
    };
    void versions(const std::string& host, const std::vector<Log>& chain) {
        std::string previous;
        for (auto& log : chain) {
            previous = format::make_version(LogName{log.seq, log.host}, log.length, previous).text();
            set(format::version_key(log.seq, host), previous);
        }
    }
    void logs(const std::vector<Log>& list) {
        local.logs.clear();
        for (auto& log : list) local.logs.push_back(LocalLog{LogName{log.seq, log.host}, log.length});
    }
    Plan plan() const { return decide(view, "r", local); }
    bool says(const std::string& key) const { return plan().messages.contains(key); }
};

const LogName kLog1a{1, "alpha"}, kLog2a{2, "alpha"}, kLog3a{3, "alpha"}, kLog3b{3, "beta"};

} // namespace

TEST_CASE("a caught-up secondary only fetches, from the origin of its log") {
    Scene s("beta");
    auto plan = s.plan();
    CHECK(plan.open_disk);
    CHECK(plan.work == Work::nothing);
    CHECK_FALSE(plan.step_to);
    CHECK_FALSE(plan.device);
    REQUIRE(plan.fetch);
    CHECK(plan.fetch_from == std::vector<std::string>{"alpha"});
    CHECK(plan.fetch_log == kLog2a);
    CHECK(plan.fetch_offset == 1000);
}

TEST_CASE("new bytes in the current log are replayed up to the durable local length (R2)") {
    Scene s("beta");
    s.logs({{2, "alpha", 1500}});
    auto plan = s.plan();
    CHECK(plan.work == Work::replay);
    CHECK(plan.log == kLog2a);
    CHECK(plan.start == 1000);
    CHECK(plan.end == 1500);
    s.set("todo-beta/allow-replay", "0");
    CHECK(s.plan().work == Work::nothing);
    CHECK(s.plan().fetch);
}

TEST_CASE("replay starts at the smaller of replay link and version link (TL-P4)") {
    Scene s("beta");
    s.versions("beta", {{1, "alpha", 500}, {2, "alpha", 800}});
    CHECK(s.plan().start == 800);
}

TEST_CASE("each switch stops exactly its own function (H6)") {
    Scene s("beta");
    s.logs({{2, "alpha", 1500}});
    s.set("todo-beta/connect", "0");
    CHECK_FALSE(s.plan().fetch);
    CHECK(s.plan().work == Work::replay);
    s.set("todo-beta/attach", "0");
    CHECK_FALSE(s.plan().open_disk);
    CHECK(s.plan().work == Work::nothing);
}

TEST_CASE("nothing happens without the activation key") {
    Scene s("beta");
    s.view.erase("resource-r/device-beta");
    auto plan = s.plan();
    CHECK_FALSE(plan.open_disk);
    CHECK_FALSE(plan.fetch);
}

TEST_CASE("a secondary steps to the next log when all conditions hold") {
    Scene s("beta");
    s.versions("alpha", {{1, "alpha", 500}, {2, "alpha", 1000}, {3, "alpha", 200}});
    s.logs({{2, "alpha", 1000}, {3, "alpha", 200}});
    CHECK(s.plan().step_to == kLog3a);
    CHECK_FALSE(s.plan().create_log);

    SECTION("S4: the origin's version link is missing") {
        s.view.erase("resource-r/version-000000002-alpha");
        CHECK_FALSE(s.plan().step_to);
        CHECK(s.says("err-versionlink-not-readable"));
    }
    SECTION("S6: the next log's version link is missing") {
        s.view.erase("resource-r/version-000000003-alpha");
        CHECK_FALSE(s.plan().step_to);
        CHECK(s.says("inf-versionlink-not-yet-exist"));
    }
    SECTION("S7: the current log is not complete here") {
        s.versions("alpha", {{1, "alpha", 500}, {2, "alpha", 1200}, {3, "alpha", 200}});
        CHECK_FALSE(s.plan().step_to);
        CHECK(s.says("inf-versionlink-not-equal"));
    }
    SECTION("S9: the next log continues another history") {
        s.set("version-000000003-alpha",
              format::make_version(kLog3a, 200, "00000000000000000000000000000000,log-000000002-alpha,9:").text());
        CHECK_FALSE(s.plan().step_to);
        CHECK(s.says("err-splitbrain-detected"));
    }
    SECTION("S1: two hosts own the next number") {
        s.logs({{2, "alpha", 1000}, {3, "alpha", 200}, {3, "gamma", 100}});
        s.set("primary", "(none)");
        CHECK_FALSE(s.plan().step_to);
        CHECK(s.says("err-splitbrain-detected"));
        CHECK_FALSE(s.plan().fetch);
        s.set("primary", "alpha"); // its version has been chosen, and it continues what is here
        CHECK(s.plan().step_to == kLog3a);
    }
    SECTION("S3: the next number is missing") {
        s.logs({{2, "alpha", 1000}, {4, "alpha", 200}});
        CHECK_FALSE(s.plan().step_to);
    }
    SECTION("S8: replay has not finished") {
        s.set("replay-beta", "log-000000002-alpha,900,0");
        CHECK_FALSE(s.plan().step_to);
        CHECK(s.plan().work == Work::replay);
    }
    SECTION("R4: an empty next log waits for a primary that may still finish the old one") {
        s.logs({{2, "alpha", 1000}, {3, "alpha", 0}});
        CHECK(s.plan().step_to);
        s.local.primary_is_alive = false;
        CHECK_FALSE(s.plan().step_to);
    }
}

TEST_CASE("what a log has behind the place where its writer went on is not applied") {
    Scene s(
        "beta"); // alpha's disk had lost what it had called durable: log 2 ended at 1000 there, and goes on in log 3
    s.versions("alpha", {{1, "alpha", 500}, {2, "alpha", 1000}, {3, "alpha", 200}});
    s.logs({{2, "alpha", 1300}, {3, "alpha", 200}});
    s.set("replay-beta", "log-000000002-alpha,900,400");
    s.versions("beta", {{1, "alpha", 500}, {2, "alpha", 1300}});
    CHECK(s.plan().work == Work::replay);
    CHECK(s.plan().end == 1000);
    s.versions("beta", {{1, "alpha", 500}, {2, "alpha", 1000}});
    s.set("replay-beta", "log-000000002-alpha,1000,0");
    CHECK(s.plan().step_to == kLog3a);

    SECTION("what has been applied already is a split") {
        s.versions("beta", {{1, "alpha", 500}, {2, "alpha", 1300}});
        s.set("replay-beta", "log-000000002-alpha,1300,0");
        s.set("replay-alpha", "log-000000003-alpha,200,0");
        CHECK_FALSE(s.plan().step_to);
        CHECK(s.says("err-splitbrain-detected"));
    }
    SECTION("also before the next log has arrived") {
        s.logs({{2, "alpha", 1300}});
        s.set("replay-beta", "log-000000002-alpha,900,400");
        CHECK(s.plan().end == 1000);
    }
    SECTION("while nothing follows it, all of it is applied") {
        s.logs({{2, "alpha", 1300}});
        s.versions("alpha", {{1, "alpha", 500}, {2, "alpha", 1300}});
        s.view.erase("resource-r/version-000000003-alpha");
        s.set("replay-beta", "log-000000002-alpha,900,400");
        CHECK(s.plan().end == 1300);
    }
}

TEST_CASE("numbers that change their digits step as all others (Q1)") {
    Scene s("beta");
    s.versions("alpha", {{9, "alpha", 99999}, {10, "alpha", 100000}});
    s.versions("beta", {{9, "alpha", 99999}});
    s.set("replay-beta", "log-000000009-alpha,99999,0");
    s.logs({{9, "alpha", 99999}, {10, "alpha", 1}});
    CHECK(s.plan().step_to == LogName{10, "alpha"});
}

TEST_CASE("a restarted primary replays its tail, corrects its version link and opens a new log (P9, R5)") {
    Scene s("alpha");
    s.logs({{2, "alpha", 1300}});
    auto plan = s.plan();
    CHECK(plan.work == Work::replay);
    CHECK(plan.end == 1300);
    CHECK_FALSE(plan.device);

    s.set("replay-alpha", "log-000000002-alpha,1300,0");
    s.versions("alpha", {{1, "alpha", 500}, {2, "alpha", 1400}}); // acknowledged more than there is
    CHECK_FALSE(s.plan().step_to);
    CHECK(s.says("err-past-missing"));
    s.local.is_trusted = true;
    plan = s.plan();
    CHECK(plan.step_to == kLog3a);
    CHECK(plan.create_log);
    CHECK(plan.correct_version_to == 1300);
    CHECK_FALSE(plan.fetch);
}

TEST_CASE("a primary appends to its own empty log, then the device appears (R3, P1)") {
    Scene s("alpha");
    s.set("replay-alpha", "log-000000003-alpha,0,0");
    s.logs({{2, "alpha", 1000}, {3, "alpha", 0}});
    auto plan = s.plan();
    CHECK(plan.work == Work::append);
    CHECK(plan.log == kLog3a);
    CHECK_FALSE(plan.device);
    s.local.engine = Engine::appending;
    s.local.appending_to = kLog3a;
    plan = s.plan();
    CHECK(plan.work == Work::append);
    CHECK(plan.device);
    CHECK_FALSE(plan.fetch);
}

TEST_CASE("a log that is named but does not exist is created by its owner only (G1, G2)") {
    Scene s("alpha");
    s.set("replay-alpha", "log-000000003-alpha,0,0");
    CHECK(s.plan().create_log);
    CHECK(s.plan().step_to == kLog3a);
    Scene b("beta");
    b.set("replay-beta", "log-000000003-alpha,0,0");
    CHECK_FALSE(b.plan().create_log);
}

TEST_CASE("the primary rotates into its own next empty log (G5)") {
    Scene s("alpha");
    s.local.engine = Engine::appending;
    s.local.appending_to = kLog2a;
    s.local.device_exists = true;
    CHECK_FALSE(s.plan().rotate_to);
    s.logs({{2, "alpha", 1000}, {3, "alpha", 0}});
    CHECK(s.plan().rotate_to == kLog3a);
    s.logs({{2, "alpha", 1000}, {3, "alpha", 84}});
    CHECK_FALSE(s.plan().rotate_to);
    s.logs({{2, "alpha", 1000}, {4, "alpha", 0}});
    CHECK_FALSE(s.plan().rotate_to);
}

TEST_CASE("a device that is open stays, whatever the switches say (P2)") {
    Scene s("alpha");
    s.local.engine = Engine::appending;
    s.local.appending_to = kLog2a;
    s.local.device_exists = true;
    s.local.open_count = 1;
    s.set("primary", "(none)");
    CHECK(s.plan().device);
    CHECK(s.plan().work == Work::append);
    s.set("todo-alpha/attach", "0");
    CHECK(s.plan().device);
    s.local.open_count = 0;
    CHECK_FALSE(s.plan().device);
    CHECK(s.plan().work == Work::append); // until the device is gone
    s.local.device_exists = false;
    CHECK(s.plan().work == Work::nothing); // then the logger stops (P4)
}

TEST_CASE("a new primary waits for the records it knows of") {
    Scene s("beta");
    s.set("primary", "beta");
    s.versions("alpha", {{1, "alpha", 500}, {2, "alpha", 1700}});
    auto plan = s.plan();
    CHECK_FALSE(plan.step_to);
    CHECK(plan.fetch);
    CHECK(plan.messages.contains("inf-versionlink-not-equal"));

    SECTION("and is promoted when it has them") {
        s.logs({{2, "alpha", 1700}});
        s.set("replay-beta", "log-000000002-alpha,1700,0");
        s.versions("beta", {{1, "alpha", 500}, {2, "alpha", 1700}});
        plan = s.plan();
        CHECK(plan.step_to == kLog3b);
        CHECK(plan.create_log);
        CHECK_FALSE(plan.fetch);
    }
    SECTION("unless it is forced (connect = 0)") {
        s.set("todo-beta/connect", "0");
        CHECK(s.plan().step_to == kLog3b);
    }
}

TEST_CASE("an inconsistent host never becomes primary (TL-Y2)") {
    Scene s("beta");
    s.set("primary", "beta");
    CHECK(s.plan().step_to == kLog3b);
    s.set("syncpos-beta", "log-000000002-alpha,900,200"); // min + dirty = 1100
    CHECK_FALSE(s.plan().step_to);
    s.set("syncpos-beta", "log-000000002-alpha,900,100");
    CHECK(s.plan().step_to == kLog3b);
    s.set("syncstatus-beta", "4096");
    CHECK_FALSE(s.plan().step_to);
}

TEST_CASE("nobody is designated in the first moments after a start (4.2)") {
    Scene s("alpha");
    s.local.may_be_designated = false;
    s.set("replay-alpha", "log-000000003-alpha,0,0");
    s.logs({{3, "alpha", 0}});
    CHECK(s.plan().work == Work::nothing);
    CHECK_FALSE(s.plan().step_to);
}

TEST_CASE("sync and replay exclude each other") {
    Scene s("beta");
    s.set("syncstatus-beta", "65536");
    s.set("replay-beta", "log-000000002-alpha,0,0");
    s.set("replay-alpha", "log-000000002-alpha,600,400");
    auto plan = s.plan();
    CHECK(plan.sync_wanted);
    CHECK(plan.work == Work::sync);
    CHECK(plan.source == "alpha");
    CHECK(plan.start == 65536);
    CHECK(plan.end == 1048576);

    SECTION("replay in its turn goes no further than the primary's disk (TL-Y1)") {
        s.local.replay_has_turn = true;
        CHECK(s.plan().work == Work::replay);
        CHECK(s.plan().end == 600);
    }
    SECTION("a sync that had its turn gives way only if replay can do something (Y9)") {
        s.local.engine = Engine::syncing;
        s.local.sync_had_turn = true;
        CHECK(s.plan().work == Work::replay);
        CHECK(s.plan().is_replays_turn);
        s.set("todo-beta/allow-replay", "0");
        CHECK(s.plan().work == Work::sync);
        CHECK_FALSE(s.plan().is_replays_turn);
    }
    SECTION("a sync that does not run has had no turn") {
        s.local.sync_had_turn = true;
        CHECK(s.plan().work == Work::sync);
    }
    SECTION("with sync switched off replay may go as far as that, too") {
        s.set("todo-beta/sync", "0");
        CHECK(s.plan().work == Work::replay);
        CHECK(s.plan().end == 600);
    }
    SECTION("neither runs while the primary's disk is older (Y5, Y8)") {
        s.set("replay-beta", "log-000000002-alpha,700,0");
        CHECK(s.plan().work == Work::nothing);
        CHECK(s.says("inf-sync-start"));
    }
    SECTION("neither runs without the primary's replay link") {
        s.view.erase("resource-r/replay-alpha");
        CHECK(s.plan().work == Work::nothing);
    }
    SECTION("no sync without a designated primary") {
        s.set("primary", "(none)");
        CHECK_FALSE(s.plan().sync_wanted);
    }
    SECTION("an unfinished sync never runs on the primary itself") {
        s.set("primary", "beta");
        CHECK(s.plan().work != Work::sync);
    }
}

TEST_CASE("a log that is shorter than its successor's version link says is fetched before later ones") {
    Scene s("beta");
    s.versions("alpha", {{1, "alpha", 500}, {2, "alpha", 1000}, {3, "alpha", 700}});
    s.logs({{2, "alpha", 600}, {3, "alpha", 700}});
    auto plan = s.plan();
    CHECK(plan.fetch_gap);
    CHECK(plan.fetch_log == kLog2a);
    CHECK(plan.fetch_offset == 600);

    s.logs({{2, "alpha", 1000}, {3, "alpha", 700}});
    plan = s.plan();
    CHECK_FALSE(plan.fetch_gap);
    CHECK(plan.fetch_log == kLog3a);
    CHECK(plan.fetch_offset == 700);
}

TEST_CASE("a damaged log is mended from others, and fetched behind while nobody can help") {
    Scene s("beta");
    s.versions("alpha", {{1, "alpha", 500}, {2, "alpha", 1000}, {3, "alpha", 700}});
    s.set("replay-beta", "log-000000002-alpha,600,400");
    s.logs({{2, "alpha", 1000}, {3, "alpha", 700}});
    s.local.damaged = kLog2a;
    s.local.may_repair = true;
    auto plan = s.plan();
    CHECK(plan.repair);
    CHECK_FALSE(plan.fetch); // two would write to one log
    CHECK(plan.log == kLog2a);
    CHECK(plan.start == 600);
    CHECK(plan.fetch_from == std::vector<std::string>{"alpha"});

    s.local.may_repair = false;
    plan = s.plan();
    CHECK_FALSE(plan.repair);
    CHECK(plan.fetch);
    CHECK(plan.fetch_log == kLog3a);
}

TEST_CASE("the own log of a designated primary is mended, too; without a line nobody is asked") {
    Scene s("alpha");
    s.versions("alpha", {{1, "alpha", 500}, {2, "alpha", 1000}});
    s.set("replay-alpha", "log-000000002-alpha,600,400");
    s.logs({{2, "alpha", 1000}});
    s.local.damaged = kLog2a;
    s.local.may_repair = true;
    auto plan = s.plan();
    CHECK(plan.repair);
    CHECK(plan.work == Work::nothing);
    CHECK_FALSE(plan.step_to);
    CHECK(plan.fetch_from == std::vector<std::string>{"beta"});

    s.set("todo-alpha/connect", "0");
    CHECK_FALSE(s.plan().repair);
}

TEST_CASE("a damaged log is neither replayed nor left behind (TL-P7)") {
    Scene s("beta");
    s.logs({{2, "alpha", 1500}, {3, "alpha", 100}});
    s.versions("alpha", {{1, "alpha", 500}, {2, "alpha", 1500}, {3, "alpha", 100}});
    s.local.damaged = kLog2a;
    CHECK(s.plan().work == Work::nothing);
    CHECK_FALSE(s.plan().step_to);
    CHECK(s.plan().fetch);
}

TEST_CASE("an old primary follows the new one's log behind its own") {
    Scene s("alpha");
    s.set("primary", "beta");
    s.versions("beta", {{1, "alpha", 500}, {2, "alpha", 1000}, {3, "beta", 300}});
    auto plan = s.plan();
    CHECK(plan.fetch);
    CHECK(plan.fetch_log == kLog2a);
    CHECK(plan.fetch_from == std::vector<std::string>{"beta"});
    s.logs({{2, "alpha", 1000}, {3, "beta", 300}});
    CHECK(s.plan().step_to == kLog3b);
}

TEST_CASE("an own empty log is entered only when nobody knows more of the one before") {
    Scene s("alpha"); // put back to the middle of a rotation; log 2 has had 1500 bytes in the end
    s.logs({{2, "alpha", 1000}, {3, "alpha", 0}});
    s.set("version-000000003-alpha", "");
    SECTION("others are heard first") {
        s.local.may_be_designated = false;
        CHECK_FALSE(s.plan().step_to);
        s.local.may_be_designated = true;
        CHECK(s.plan().step_to == kLog3a);
        s.local.missing_past = "alpha has written to log-000000005-alpha";
        auto plan = s.plan();
        CHECK_FALSE(plan.step_to);
        CHECK(plan.messages["err-past-missing"] == s.local.missing_past);
    }
    SECTION("what a member knows of the end of the log") {
        s.versions("beta", {{1, "alpha", 500}, {2, "alpha", 1500}, {3, "alpha", 700}});
        s.set("replay-beta", "log-000000003-alpha,700,0");
        auto plan = s.plan();
        CHECK_FALSE(plan.step_to);
        CHECK(plan.messages.contains("inf-versionlink-not-equal"));
        REQUIRE(plan.fetch);
        CHECK(plan.fetch_log == kLog2a);
        CHECK(plan.fetch_offset == 1000);
        s.logs({{2, "alpha", 1500}, {3, "alpha", 700}});
        s.set("replay-alpha", "log-000000002-alpha,1500,0");
        s.versions("alpha", {{1, "alpha", 500}, {2, "alpha", 1500}});
        CHECK(s.plan().step_to == kLog3a);
    }
    SECTION("a log that continues another history is not fetched") {
        s.versions("alpha", {{1, "alpha", 500}, {2, "alpha", 1000}, {3, "alpha", 0}});
        s.versions("beta", {{1, "alpha", 500}, {2, "alpha", 1500}, {3, "alpha", 700}});
        s.set("replay-alpha", "log-000000003-alpha,0,0");
        s.set("replay-beta", "log-000000003-alpha,700,0");
        s.local.was_put_back = true;
        auto plan = s.plan();
        CHECK_FALSE(plan.fetch);
        CHECK_FALSE(plan.create_log);
        CHECK_THAT(plan.messages["inf-fetch"], Catch::Contains("beta") && Catch::Contains("; next, if it stays so: "));
    }
}

TEST_CASE("an own log is continued by a foreign one while designated only where the links prove it (S5)") {
    Scene s("alpha");
    s.versions("beta", {{1, "alpha", 500}, {2, "alpha", 1000}, {3, "beta", 300}});
    s.logs({{2, "alpha", 1000}, {3, "beta", 300}});
    CHECK(s.plan().step_to == kLog3b);
    SECTION("beta has gone on from an earlier point") {
        s.versions("beta", {{1, "alpha", 500}, {2, "alpha", 900}, {3, "beta", 300}});
        CHECK_FALSE(s.plan().step_to);
        CHECK(s.says("inf-log-foreign-denied"));
    }
    SECTION("nothing is known of beta's log") {
        s.versions("beta", {{1, "alpha", 500}, {2, "alpha", 1000}});
        s.view.erase("resource-r/version-000000003-beta");
        CHECK_FALSE(s.plan().step_to);
    }
}

TEST_CASE("a device whose log has failed goes as soon as nobody has it open, and a new log begins") {
    Scene s("alpha");
    s.local.engine = Engine::appending;
    s.local.appending_to = kLog2a;
    s.local.device_exists = true;
    s.local.is_append_over = true;
    s.local.open_count = 1;
    CHECK(s.plan().device); // P2
    CHECK(s.plan().work == Work::append);
    s.local.open_count = 0;
    CHECK_FALSE(s.plan().device);
    s.local.device_exists = false;
    CHECK(s.plan().work == Work::nothing);
    s.local.is_append_over = false; // the logger has been ended
    s.local.engine = Engine::off;
    auto plan = s.plan();
    CHECK(plan.step_to == kLog3a);
    CHECK(plan.create_log);
}

TEST_CASE("a primary rotates by itself when its log is long enough (G3)") {
    Scene s("alpha");
    s.local.engine = Engine::appending;
    s.local.appending_to = kLog2a;
    s.local.device_exists = true;
    CHECK_FALSE(s.plan().rotate_to); // switched off
    s.local.rotate_at = 1001;
    CHECK_FALSE(s.plan().rotate_to);
    s.local.rotate_at = 1000;
    CHECK(s.plan().rotate_to == kLog3a);
    s.logs({{2, "alpha", 1000}, {3, "alpha", 1}}); // not made by this rule: never appended to
    CHECK_FALSE(s.plan().rotate_to);
}

TEST_CASE("after an error that is not the log's, replay pauses and nothing is fetched again") {
    Scene s("beta");
    s.logs({{2, "alpha", 1500}});
    s.local.replay_must_pause = true;
    auto plan = s.plan();
    CHECK(plan.work == Work::nothing);
    CHECK_FALSE(plan.step_to);
    CHECK(plan.fetch_offset == 1500);
}

TEST_CASE("a primary whose log is shorter than what its disk holds begins no other one by itself") {
    Scene s("alpha");
    s.view.set("ips/ip-gamma", "10.0.0.3");
    s.set("data-gamma", "/disks/d");
    s.set("device-gamma", "mydata");
    s.logs({{2, "alpha", 400}});
    s.set("replay-beta", "log-000000002-alpha,300,0");
    CHECK_FALSE(s.plan().step_to);
    CHECK(s.says("err-past-missing"));
    SECTION("unless an operator says so") {
        s.local.is_trusted = true;
        CHECK(s.plan().step_to == kLog3a);
        CHECK(s.plan().create_log);
        CHECK(s.plan().remove_log == LogName{2, "alpha"});
        CHECK_FALSE(s.plan().correct_version_to);
    }
    SECTION("the same for what had been acknowledged, and was not yet on the disk") {
        s.set("replay-alpha", "log-000000002-alpha,300,0");
        CHECK(s.plan().work == Work::nothing);
        CHECK(s.says("err-past-missing"));
        s.local.is_trusted = true;
        CHECK(s.plan().work == Work::replay);
        s.set("replay-alpha", "log-000000002-alpha,400,0");
        CHECK(s.plan().step_to == kLog3a);
        CHECK_FALSE(s.plan().remove_log);
        CHECK(s.plan().correct_version_to == 400);
    }
    SECTION("the same when nothing of it is left") {
        s.logs({});
        CHECK_FALSE(s.plan().step_to);
        CHECK(s.says("err-past-missing"));
    }
    SECTION("a member that has more is asked, and first") {
        s.set("replay-gamma", "log-000000002-alpha,1000,0");
        CHECK(s.plan().fetch);
        CHECK(s.plan().fetch_from.front() == "gamma");
    }
    SECTION("where a member is beyond the disk, its log is fetched, and nothing is asked of the operator") {
        s.set("replay-gamma", "log-000000002-alpha,1500,0");
        CHECK(s.plan().fetch);
        CHECK_FALSE(s.says("err-past-missing"));
    }
}

TEST_CASE("a primary that had written more than it finds waits for a member") {
    Scene s("alpha");
    REQUIRE(s.plan().step_to == kLog3a);
    s.local.missing_past = "alpha had written up to log-000000004-alpha,1";
    CHECK_FALSE(s.plan().step_to);
    CHECK(s.plan().work == Work::nothing);
    CHECK(s.says("err-past-missing"));
    SECTION("an empty own log is not begun, either") {
        s.logs({{2, "alpha", 1000}, {3, "alpha", 0}});
        s.set("replay-alpha", "log-000000003-alpha,0,0");
        CHECK(s.plan().work == Work::nothing);
        CHECK(s.says("err-past-missing"));
    }
    SECTION("what a member has is fetched") {
        s.versions("beta", {{1, "alpha", 500}, {2, "alpha", 1000}, {3, "alpha", 700}});
        s.set("replay-beta", "log-000000003-alpha,700,0");
        CHECK(s.plan().fetch);
    }
    SECTION("nor is what a member has overruled by fetch being off") {
        s.local.missing_past.clear();
        s.local.was_put_back = true;
        s.set("todo-alpha/connect", "0");
        s.set("replay-beta", "log-000000003-alpha,700,0");
        CHECK_FALSE(s.plan().step_to);
        CHECK(s.says("err-past-missing"));
    }
    SECTION("fetch being off is no decision to give anything up") {
        s.set("todo-alpha/connect", "0");
        CHECK_FALSE(s.plan().step_to);
    }
}

TEST_CASE(
    "a log that was being written at a crash, and has gone, is not made anew, not fetched, and waits for an operator") {
    Scene s("alpha");
    s.set("replay-alpha", "log-000000003-alpha,0,0");
    s.versions("alpha", {{2, "alpha", 1000}, {3, "alpha", 0}});
    s.versions("beta", {{2, "alpha", 1000}, {3, "alpha", 700}});
    s.set("replay-beta", "log-000000003-alpha,700,0");
    s.logs({{2, "alpha", 1000}});
    s.local.gone_log = kLog3a;
    auto plan = s.plan();
    CHECK_FALSE(plan.step_to);
    CHECK_FALSE(plan.fetch);
    CHECK(s.says("err-past-missing"));
    CHECK(plan.messages["err-past-missing"].find("on beta, which has 700 bytes") != std::string::npos);
    SECTION("who continues the disk, and promises more of the log than anybody can have") {
        s.local.is_trusted = true;
        plan = s.plan();
        CHECK(plan.remove_log == kLog3a);
        CHECK(plan.correct_version_to == 1);
        CHECK(plan.step_to == LogName{4, "alpha"});
        CHECK(plan.create_log);
        CHECK_FALSE(plan.fetch);
    }
    SECTION("a rotation was under way: what is left of the log before is not written over what the disk has") {
        s.set("replay-alpha", "log-000000002-alpha,500,0");
        CHECK(s.plan().work == Work::nothing);
        CHECK_FALSE(s.plan().step_to);
        s.local.is_trusted = true;
        plan = s.plan();
        CHECK(plan.work == Work::nothing);
        CHECK(plan.step_to == kLog3a);
        CHECK_FALSE(plan.create_log);
    }
    SECTION("when it is put back, a restart looks at it: it may still be being copied") {
        s.logs({{2, "alpha", 1000}, {3, "alpha", 800}});
        CHECK(s.plan().work == Work::nothing);
        CHECK(s.says("err-past-missing"));
    }
    SECTION("on a secondary, nothing that is fetched may pass for it") {
        s.set("primary", "beta");
        s.local.is_trusted = true;
        CHECK_FALSE(s.plan().fetch);
        CHECK_FALSE(s.plan().step_to);
    }
}

TEST_CASE("a log that the primary has left behind is asked for by its name") {
    Scene s("beta");
    s.versions("alpha", {{2, "alpha", 1000}, {3, "alpha", 1}, {4, "alpha", 500}});
    s.versions("beta", {{2, "alpha", 1000}});
    s.set("replay-alpha", "log-000000004-alpha,500,0");
    s.logs({{2, "alpha", 1000}});
    CHECK(s.plan().fetch_log == kLog3a);
    CHECK(s.plan().fetch_offset == 0);
    s.logs({{2, "alpha", 900}}); // not yet all of the one before
    CHECK(s.plan().fetch_log == LogName{2, "alpha"});
    s.logs({{2, "alpha", 1000}});
    s.set("replay-alpha", "log-000000003-alpha,1,0"); // it follows by itself
    CHECK(s.plan().fetch_log == LogName{2, "alpha"});
}

TEST_CASE("a new primary begins no log before all that can be reached know that it is to be one") {
    Scene s("alpha");
    s.set("replay-alpha", "log-000000002-alpha,1000,0");
    s.logs({{2, "alpha", 1000}});
    s.local.unaware = "gamma";
    CHECK_FALSE(s.plan().step_to);
    CHECK(s.says("inf-primary-wait"));
    s.local.unaware.clear();
    CHECK(s.plan().step_to == kLog3a);
}

TEST_CASE("a designated primary asks who has begun a log before, and not the origin of the one that is complete here") {
    Scene s("beta"); // alpha was primary for a moment, and has begun an empty log
    s.set("primary", "beta");
    s.view.set("ips/ip-gamma", "10.0.0.3");
    s.set("data-gamma", "/disks/d");
    s.set("device-gamma", "mydata");
    s.versions("gamma", {{2, "gamma", 1000}});
    s.versions("alpha", {{2, "gamma", 1000}, {3, "alpha", 0}});
    s.versions("beta", {{2, "gamma", 1000}});
    s.set("replay-alpha", "log-000000003-alpha,0,0");
    s.set("replay-beta", "log-000000002-gamma,1000,0");
    s.set("replay-gamma", "log-000000002-gamma,1000,0");
    s.logs({{2, "gamma", 1000}});
    const auto plan = s.plan();
    CHECK(plan.fetch);
    REQUIRE_FALSE(plan.fetch_from.empty());
    CHECK(plan.fetch_from.front() == "alpha");
}
