// SPDX-License-Identifier: GPL-2.0-or-later
// The primary is dead, or cut off, and another host goes on by `primary --force`; then the old one comes back.
#include "tests/unit/cluster/fixture.hpp"

using namespace mars;
using namespace mars::test;

namespace {

constexpr std::size_t kA = 0, kB = 1, kC = 2;

// hosta is the primary, and its application writes.
struct Disaster : Situation {
    explicit Disaster(std::size_t hosts = 2, std::uint64_t seed = 1) : Situation(hosts, seed) {}

    void lines_of(std::size_t which, bool is_cut) {
        auto& network = cluster.world().network();
        for (std::size_t i = 0; i < cluster.size(); ++i) {
            if (i == which) continue;
            const auto one = host(which).machine.address(), other = host(i).machine.address();
            if (is_cut)
                network.cut(one, other);
            else
                network.heal(one, other);
        }
    }
    bool writes_more(int least = 20) {
        const auto before = history().acknowledged();
        return eventually([&] { return history().acknowledged() > before + static_cast<std::uint64_t>(least); }, 30s);
    }
    std::vector<std::byte> disk(std::size_t i) { return *host(i).machine.filesystem().contents(kDisk); }
    bool has_device(std::size_t i) { return host(i).has_device(resource()); }
    std::string shown(std::size_t on, const char* macro) {
        return run_verb(host(on), {std::string("view-") + macro, kResource}).answer;
    }
    std::string split_told(std::size_t on) { return run_verb(host(on), {"view", kResource}).warning; }
    void succeed(std::size_t on, std::vector<std::string> words) {
        const auto done = run_verb(host(on), words);
        INFO(words.front() << ": " << done.error << done.answer);
        REQUIRE(done.exit == 0);
    }
    void take_over(std::size_t by) {
        succeed(by, {"disconnect", kResource});
        succeed(by, {"primary", "--force", "--yes", kResource});
        CHECK(has_device(by));
    }
    bool is_split_everywhere() {
        for (std::size_t i = 0; i < cluster.size(); ++i)
            if (shown(i, "replstate").find("SplitBrain") == std::string::npos) return false;
        return true;
    }
    bool is_quiet_everywhere() {
        for (std::size_t i = 0; i < cluster.size(); ++i) {
            if (shown(i, "replstate").find("SplitBrain") != std::string::npos) return false;
            for (const auto& node : cluster.nodes())
                if (!key(i, "actual-" + node->name() + "/msg-err-splitbrain-detected").empty() &&
                    key(i, "actual-" + node->name() + "/msg-err-splitbrain-detected") != "OK")
                    return false;
        }
        return true;
    }
    // All members have what the primary has.
    bool are_equal(std::size_t primary) {
        const auto& name = host(primary).name();
        for (std::size_t on = 0; on < cluster.size(); ++on)
            for (const auto& node : cluster.nodes()) {
                if (key(on, "syncstatus-" + node->name()) != std::to_string(kDiskBytes)) return false;
                if (key(on, "replay-" + node->name()) != key(primary, "replay-" + name)) return false;
            }
        for (std::size_t on = 0; on < cluster.size(); ++on)
            if (disk(on) != disk(primary)) return false;
        return true;
    }
};

} // namespace

TEST_CASE("a dead primary is succeeded by force, also after a restart; back again, it serves nothing, and all say so") {
    Disaster s;
    s.start_application(s.host(kA));
    REQUIRE(s.writes_more(50));
    s.lines_of(kA, true);
    REQUIRE(s.writes_more(50)); // hostb does not get these
    s.cluster.world().run_for(5s);
    s.cluster.power_cut(s.host(kA));
    s.lines_of(kA, false);
    s.take_over(kB);
    s.cluster.kill(s.host(kB)); // the old one is still dead, and nobody tells that it would agree
    s.cluster.boot(s.host(kB));
    REQUIRE(s.eventually([&] { return s.has_device(kB); }));
    s.start_application(s.host(kB));
    REQUIRE(s.writes_more());
    s.cluster.boot(s.host(kA));
    bool has_served = false;
    CHECK(s.eventually([&] {
        has_served = has_served || s.has_device(kA);
        return s.is_split_everywhere();
    }));
    CHECK_FALSE(has_served);
    for (const auto i : {kA, kB}) {
        const auto text = s.split_told(i);
        INFO(text);
        CHECK(text.find("hosta") != std::string::npos);
        CHECK(text.find("marsadm invalidate data") != std::string::npos);
    }
    s.stop_application(s.host(kB));

    SECTION("the version of the new primary is kept") {
        s.succeed(kA, {"invalidate", kResource});
        CHECK(s.eventually([&] { return s.are_equal(kB) && s.is_quiet_everywhere(); }));
    }
    SECTION("the same by leaving and joining") {
        s.succeed(kA, {"down", kResource});
        s.succeed(kA, {"leave-resource", kResource});
        s.succeed(kA, {"log-purge-all", kResource});
        s.succeed(kA, {"join-resource", "--force", kResource, kDisk});
        CHECK(s.eventually([&] { return s.are_equal(kB) && s.is_quiet_everywhere(); }));
    }
    SECTION("the version of the old primary is kept") {
        const auto before = s.disk(kB);
        s.take_over(kA);
        CHECK(s.eventually([&] { return !s.has_device(kB); }));
        s.succeed(kB, {"invalidate", kResource});
        CHECK(s.eventually([&] { return s.are_equal(kA) && s.is_quiet_everywhere(); }));
        CHECK(s.disk(kB) != before);
    }
}

TEST_CASE("a log of the old primary with the number of the own one proves nothing, and hides nothing") {
    Disaster s;
    s.cluster.power_cut(s.host(kA));
    s.take_over(kB);
    const auto own = format::ReplayLink::parse(s.key(kB, "replay-hostb"));
    REQUIRE(own);
    REQUIRE(own->log.host == "hostb");
    auto hand = s.host(kB).machine.start_process("hand"); // what had been fetched of it before the switch
    const auto theirs = format::LogName{own->log.seq, "hosta"}.text();
    REQUIRE(hand->storage().write_file(path_of(theirs), std::string(100, 'x')));
    s.start_application(s.host(kB));
    REQUIRE(s.writes_more());
    s.cluster.kill(s.host(kB));
    s.cluster.boot(s.host(kB));
    CHECK(s.eventually([&] { return s.has_device(kB); }));
    REQUIRE(s.writes_more());
}

TEST_CASE("what had been told before the primary died is no split: it follows by itself") {
    Disaster s;
    s.cluster.power_cut(s.host(kA));
    s.take_over(kB);
    s.start_application(s.host(kB));
    REQUIRE(s.writes_more());
    s.stop_application(s.host(kB));
    s.cluster.boot(s.host(kA));
    CHECK(s.eventually([&] { return s.are_equal(kB) && s.is_quiet_everywhere(); }));
}

TEST_CASE("the primary is cut off and goes on: both histories are told, and either can be kept") {
    Disaster s;
    s.start_application(s.host(kA));
    REQUIRE(s.writes_more());
    s.lines_of(kA, true);
    s.cluster.world().run_for(60s);
    REQUIRE(s.writes_more());
    s.take_over(kB);
    s.start_application(s.host(kB));
    s.cluster.world().run_for(10s);
    s.stop_application(s.host(kB));
    s.stop_application(s.host(kA));
    s.lines_of(kA, false);
    CHECK(s.eventually([&] { return s.is_split_everywhere(); }));
    CHECK(s.eventually([&] { return !s.has_device(kA) && s.has_device(kB); }));
    s.succeed(kA, {"invalidate", kResource});
    CHECK(s.eventually([&] { return s.are_equal(kB) && s.is_quiet_everywhere(); }));
}

TEST_CASE("a third member follows the new primary, or is told that it has too much") {
    Disaster s(3);
    s.start_application(s.host(kA));
    REQUIRE(s.writes_more());
    SECTION("it has less than the new primary") {
        s.lines_of(kC, true);
        REQUIRE(s.writes_more());
        s.cluster.world().run_for(3s);
        s.cluster.power_cut(s.host(kA));
        s.lines_of(kC, false);
        s.take_over(kB);
        s.start_application(s.host(kB));
        REQUIRE(s.writes_more());
        s.stop_application(s.host(kB));
        CHECK(s.eventually([&] { return s.disk(kC) == s.disk(kB); }));
        s.cluster.boot(s.host(kA));
        s.cluster.world().run_for(30s);
        if (s.shown(kA, "replstate").find("SplitBrain") != std::string::npos) s.succeed(kA, {"invalidate", kResource});
        CHECK(s.eventually([&] { return s.are_equal(kB) && s.is_quiet_everywhere(); }));
    }
    SECTION("it has more") {
        s.lines_of(kB, true);
        REQUIRE(s.writes_more());
        s.cluster.world().run_for(5s);
        s.cluster.power_cut(s.host(kA));
        s.lines_of(kB, false);
        s.take_over(kB);
        s.start_application(s.host(kB));
        REQUIRE(s.writes_more());
        s.stop_application(s.host(kB));
        s.cluster.boot(s.host(kA));
        CHECK(s.eventually([&] { return s.is_split_everywhere(); }));
        s.succeed(kA, {"invalidate", kResource});
        s.succeed(kC, {"invalidate", kResource});
        CHECK(s.eventually([&] { return s.are_equal(kB) && s.is_quiet_everywhere(); }));
    }
}
