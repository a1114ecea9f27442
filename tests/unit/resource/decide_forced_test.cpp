// SPDX-License-Identifier: GPL-2.0-or-later
// What hosts decide after, and during, a forced switch. Rule ids are those of the symlink tree's control rules.
#include <catch2/catch.hpp>

#include "kernel/format/version_link.hpp"
#include "kernel/resource/decide.hpp"
#include "kernel/tree/handover_note.hpp"
#include "tests/unit/map_view.hpp"

using namespace mars;
using namespace mars::resource;

namespace {

const LogName kLog2a{2, "alpha"}, kLog3a{3, "alpha"}, kLog3b{3, "beta"}, kLog4b{4, "beta"};

struct Log {
    std::int64_t seq;
    std::string host;
    std::int64_t length;
};

// alpha was primary in log 2, of which it has told 1700 bytes; beta and gamma have got 1000. beta has been made primary
// by force.
struct Scene {
    test::MapView view;
    Local local;

    explicit Scene(const std::string& me) {
        local.me = me;
        local.disk_is_open = true;
        set("size", "1048576");
        set("primary", "beta");
        for (const std::string host : {"alpha", "beta", "gamma"}) {
            view.set("ips/ip-" + host, "10.0.0." + std::to_string(host.size()));
            set("data-" + host, "/disks/d");
            set("device-" + host, "mydata");
            set("syncstatus-" + host, "1048576");
            for (const std::string what : {"attach", "connect", "sync", "allow-replay"})
                set("todo-" + host + "/" + what, "1");
            versions(host, {{1, "alpha", 500}, {2, "alpha", host == "alpha" ? 1700 : 1000}});
            set("replay-" + host, "log-000000002-alpha,1000,0");
        }
        set("replay-alpha", "log-000000002-alpha,1700,0");
        logs({{2, "alpha", 1000}});
    }
    void set(const std::string& key, const std::string& value) { view.set("resource-r/" + key, value); }
    void versions(const std::string& host, const std::vector<Log>& chain) {
        std::string previous;
        for (auto& log : chain) {
            previous = format::make_version(LogName{log.seq, log.host}, log.length, previous).text();
            set(format::version_key(log.seq, host), previous);
        }
    }
    // beta has gone on.
    void beta_writes(std::int64_t length) {
        versions("beta", {{1, "alpha", 500}, {2, "alpha", 1000}, {3, "beta", length}});
        set("replay-beta", "log-000000003-beta," + std::to_string(length) + ",0");
    }
    void logs(const std::vector<Log>& list) {
        local.logs.clear();
        for (auto& log : list) local.logs.push_back(LocalLog{LogName{log.seq, log.host}, log.length});
    }
    Plan plan() const { return decide(view, "r", local); }
    bool says(const std::string& key) const { return plan().messages.contains(key); }
};

} // namespace

TEST_CASE("a forced switch applies what is here, then begins the next log") {
    Scene s("beta");
    s.set("todo-beta/connect", "0");
    s.logs({{2, "alpha", 1200}});
    CHECK(s.plan().work == Work::replay);
    CHECK(s.plan().end == 1200);
    SECTION("the copy ends within a record") {
        s.versions("beta", {{1, "alpha", 500}, {2, "alpha", 1200}});
        s.local.torn_end = TornEnd{kLog2a, 1000, 1200};
        const auto plan = s.plan();
        CHECK(plan.work == Work::nothing);
        CHECK(plan.step_to == kLog3b);
        CHECK(plan.create_log);
        CHECK(plan.correct_version_to == 1000);
    }
    SECTION("the rest is damaged") {
        s.local.damaged = kLog2a;
        s.local.damaged_from = 1100;
        CHECK(s.plan().work == Work::replay);
        CHECK(s.plan().end == 1100);
        s.set("replay-beta", "log-000000002-alpha,1100,0");
        s.versions("beta", {{1, "alpha", 500}, {2, "alpha", 1100}});
        CHECK(s.plan().step_to == kLog3b);
    }
    SECTION("logs of the old primary that do not continue what is here are left alone") {
        s.logs({{2, "alpha", 1000}, {3, "alpha", 400}});
        s.versions("alpha", {{1, "alpha", 500}, {2, "alpha", 1700}, {3, "alpha", 400}});
        CHECK(s.plan().step_to == kLog3b);
    }
}

TEST_CASE("a torn or damaged end is waited for, unless the switch is forced") {
    Scene s("beta");
    s.logs({{2, "alpha", 1200}});
    s.local.torn_end = TornEnd{kLog2a, 1000, 1200};
    CHECK_FALSE(s.plan().step_to);
    s.local.damaged = kLog2a;
    CHECK_FALSE(s.plan().step_to);
}

TEST_CASE("after a restart, a primary by force does not wait for what it has given up") {
    Scene s("beta");
    s.beta_writes(300);
    s.versions("alpha", {{1, "alpha", 500}, {2, "alpha", 1700}, {3, "alpha", 400}, {4, "alpha", 50}});
    s.set("replay-alpha", "log-000000004-alpha,50,0");
    s.logs({{2, "alpha", 1000}, {3, "beta", 300}});
    CHECK(s.plan().step_to == kLog4b);
    SECTION("although a log of the old primary is here") {
        s.logs({{2, "alpha", 1000}, {3, "beta", 300}, {4, "alpha", 50}});
        s.set(std::string("local-beta/") + tree::kForcedMark, "alpha");
        CHECK(s.plan().step_to == kLog4b);
    }
    SECTION("although the old primary's links are not known") {
        s.set("replay-alpha", "log-000000009-alpha,50,0");
        CHECK_FALSE(s.plan().step_to);
        s.set(std::string("local-beta/") + tree::kForcedMark, "alpha");
        CHECK(s.plan().step_to == kLog4b);
        s.view.set("resource-r/primary", "beta", {1'700'000'005, 0}); // designated anew, and not by force
        CHECK_FALSE(s.plan().step_to);
    }
}

TEST_CASE("the old primary has written more, and says so before it applies the rest") {
    Scene s("alpha");
    s.beta_writes(300);
    s.logs({{2, "alpha", 1700}});
    s.set("replay-alpha", "log-000000002-alpha,900,0"); // the disk may hold more
    const auto plan = s.plan();
    CHECK(plan.work == Work::nothing);
    CHECK_FALSE(plan.fetch);
    CHECK_FALSE(plan.device);
    REQUIRE(plan.messages.contains("err-splitbrain-detected"));
    const auto text = plan.messages.at("err-splitbrain-detected");
    CHECK(text.find("after log-000000002-alpha,1000: alpha has 700 bytes beyond it, beta 300 bytes") !=
          std::string::npos);
    SECTION("nothing is missing at the new one: it follows") {
        s.logs({{2, "alpha", 1000}, {3, "beta", 300}});
        s.versions("alpha", {{1, "alpha", 500}, {2, "alpha", 1000}});
        s.set("replay-alpha", "log-000000002-alpha,1000,0");
        CHECK(s.plan().step_to == kLog3b);
    }
}

TEST_CASE("a third member stops before the fork, and follows the new primary") {
    Scene s("gamma");
    s.beta_writes(300);
    s.logs({{2, "alpha", 1500}, {3, "beta", 300}});
    s.set("replay-gamma", "log-000000002-alpha,900,0");
    CHECK(s.plan().work == Work::replay);
    CHECK(s.plan().end == 1000);
    s.set("replay-gamma", "log-000000002-alpha,1000,0");
    CHECK(s.plan().step_to == kLog3b);
    SECTION("although it has got a log of the old one, too") {
        s.logs({{2, "alpha", 1500}, {3, "alpha", 100}, {3, "beta", 300}});
        s.versions("alpha", {{1, "alpha", 500}, {2, "alpha", 1700}, {3, "alpha", 400}});
        CHECK(s.plan().step_to == kLog3b);
    }
    SECTION("the log is fetched up to the fork only") {
        s.logs({{2, "alpha", 1000}});
        s.set("replay-gamma", "log-000000002-alpha,1000,0");
        CHECK_FALSE(s.plan().fetch_gap);
        CHECK_FALSE(s.says("err-splitbrain-detected"));
    }
}

TEST_CASE("an empty log that a crash has left does not hide the one that was written") {
    Scene s("alpha"); // it died in the middle of a rotation, and had told everything
    s.versions("alpha", {{1, "alpha", 500}, {2, "alpha", 1000}});
    s.beta_writes(300);
    s.versions("beta", {{1, "alpha", 500}, {2, "alpha", 1000}, {3, "beta", 300}});
    s.set("replay-alpha", "log-000000002-alpha,1000,0");
    s.logs({{2, "alpha", 1000}, {3, "alpha", 0}, {3, "beta", 300}});
    CHECK(s.plan().step_to == kLog3b);
    SECTION("nor before that has arrived") {
        s.logs({{2, "alpha", 1000}, {3, "alpha", 0}});
        CHECK_FALSE(s.plan().step_to);
        CHECK(s.plan().fetch);
        CHECK(s.plan().fetch_log == kLog2a);
    }
    SECTION("the host stands in it already") {
        s.versions("alpha", {{1, "alpha", 500}, {2, "alpha", 1000}, {3, "alpha", 0}});
        s.set("replay-alpha", "log-000000003-alpha,0,0");
        CHECK_FALSE(s.says("err-splitbrain-detected"));
        CHECK(s.plan().remove_log == kLog3a);
        CHECK(s.plan().step_to == kLog3b);
        s.local.me = "gamma"; // nor does who has followed into it
        s.set("replay-gamma", "log-000000003-alpha,0,0");
        s.versions("gamma", {{1, "alpha", 500}, {2, "alpha", 1000}, {3, "alpha", 0}});
        CHECK(s.plan().step_to == kLog3b);
    }
    SECTION("what was written in it does") {
        s.versions("alpha", {{1, "alpha", 500}, {2, "alpha", 1000}, {3, "alpha", 10}});
        s.logs({{2, "alpha", 1000}, {3, "alpha", 10}, {3, "beta", 300}});
        CHECK(s.says("err-splitbrain-detected"));
        CHECK_FALSE(s.plan().step_to);
    }
}
