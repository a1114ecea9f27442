// SPDX-License-Identifier: GPL-2.0-or-later
// Waiting: for peers, conditions, and the end of use; how long it may take. Spec: verbs 1.11, 2.5, 4.7, 4.26, 4.27.
#include "fixture.hpp"

using namespace mars;
using namespace mars::shell;
using namespace mars::shell::testing;

namespace {

// Virtual time that a command takes.
Duration time_of(Site& site, const Words& words, int expected_exit) {
    auto begin = site.world.now();
    auto result = site.run(words);
    INFO(Site::join(words) << "\n" << site.output.text(Severity::error));
    CHECK(result.exit == expected_exit);
    return site.world.now() - begin;
}

} // namespace

TEST_CASE("who waits for a role is told that a handover was not finished") {
    Pair site;
    site.set("resource-r/primary", "(none)", 0s);
    site.set("resource-r/userspace/handover-b", "b,5,abandoned", 1min);
    const std::string said = "a handover to b was not finished (phase 5); next: marsadm primary r on b";
    for (const char* condition : {"is-primary-on", "primary-on", "device-on"}) {
        INFO(condition);
        CHECK(site.run({"--timeout=3", "wait-resource", "r", condition}).exit != 0);
        CHECK(site.output.text(Severity::warning).find(said) != std::string::npos);
        CHECK(site.output.text(Severity::error).find(said) != std::string::npos);
    }
    site.run({"--timeout=3", "wait-resource", "r", "is-sync-on"});
    CHECK(site.output.text(Severity::warning).find(said) == std::string::npos);
}

TEST_CASE("a dry run of what waits ends at once, and says what it would wait for and what is missing") {
    Pair site;
    site.beating.erase("b"); // silent, but not yet for long
    site.set("resource-r/actual-b/open-count", "1", 0s);
    const auto dry = [&](Words words) {
        words.emplace_back("--dry-run");
        const auto before = site.snapshot();
        CHECK(time_of(site, words, 0) < 1s);
        CHECK(Site::difference(before, site.snapshot()) == "");
        return site.output.text(Severity::info);
    };
    for (const Words& words : {Words{"wait-cluster"}, Words{"update-cluster"}, Words{"wait-connect", "r"},
                               Words{"wait-cluster", "--strict-wait"}}) {
        INFO(Site::join(words));
        const auto said = dry(words);
        CHECK_THAT(said, Catch::Contains("would wait") && Catch::Contains("b (last heard of "));
        CHECK_THAT(said, !Catch::Contains("alive"));
    }
    site.beating.clear();
    site.world.run_for(2min);
    CHECK_THAT(dry({"wait-cluster"}), Catch::Contains("marsd does not run here"));
    site.alive({"a"});
    site.set("resource-r/actual-b/open-count", "1", 0s);
    CHECK_THAT(dry({"wait-umount", "r"}), Catch::Contains("would wait; at present: the device is in use on host b") &&
                                              !Catch::Contains("not in use"));
    for (const char* condition : {"is-attach-off", "todo-attach-off", "primary-on", "OutDated"})
        CHECK_THAT(dry({"wait-resource", "r", condition}),
                   Catch::Contains("would wait; at present: ") && !Catch::Contains("holds on host"));
    CHECK_THAT(dry({"wait-resource", "r", "is-attach-on"}), Catch::Contains("would not wait"));
    site.set("resource-r/actual-b/open-count", "0", 0s);
    CHECK_THAT(dry({"wait-umount", "r"}), Catch::Contains("would not wait"));
}

TEST_CASE("wait-cluster ends when all peers have been heard of since") {
    Pair site;
    CHECK(time_of(site, {"wait-cluster"}, 0) < 3s);
    CHECK(site.output.text(Severity::info).find("1/1 alive") != std::string::npos);
    for (const char* who : {"r", "b", "all"}) CHECK(time_of(site, {"wait-cluster", who}, 0) < 3s);
    CHECK(time_of(site, {"update-cluster"}, 0) < 3s);
    CHECK(time_of(site, {"wait-connect", "r"}, 0) < 3s);
    site.refuse({"wait-cluster", "nobody"}, "usage.arg");
}

TEST_CASE("a peer that is dead costs no time, one that falls silent half a window") {
    Pair site;
    site.beating.erase("b");
    auto silent = time_of(site, {"wait-cluster"}, 0);
    CHECK(silent > 20s);
    CHECK(silent < 33s);
    site.world.run_for(10min);
    site.alive({"a"});
    CHECK(time_of(site, {"wait-cluster"}, 0) < 2s);
    CHECK(site.output.text(Severity::warning).find("nothing is heard of b (0/1 alive)") != std::string::npos);
    CHECK(time_of(site, {"wait-cluster", "--strict-wait"}, 3) < 2s);
    CHECK(time_of(site, {"wait-cluster", "--force"}, 0) < 2s);
}

TEST_CASE("without marsd nothing can be heard, which is no failure") {
    Pair site;
    site.beating.clear();
    site.world.run_for(10min);
    CHECK(time_of(site, {"wait-cluster"}, 0) < 1s);
    CHECK(site.output.text(Severity::warning).find("marsd does not run") != std::string::npos);
    site.refuse({"wait-cluster", "--strict-wait"}, "wait.cluster"); // unless that is what was asked for
    CHECK(site.output.text(Severity::error).find("marsd does not run") != std::string::npos);
}

TEST_CASE("wait-resource knows indicators, switches, roles, states and the device") {
    Pair site;
    site.machine.filesystem().add_disk("/dev/vg/a", 1 << 20);
    for (const char* condition : {"is-attach",
                                  "is-attach-on",
                                  "is-attached-1",
                                  "is-fetch",
                                  "is-copy",
                                  "is-replaying-on",
                                  "is-sync-off",
                                  "is-primary-off",
                                  "is-primary-0",
                                  "is-secondary",
                                  "attach",
                                  "todo-attach-on",
                                  "fetch",
                                  "connect",
                                  "todo-replay",
                                  "sync",
                                  "has-emergency-off",
                                  "device-off",
                                  "primary-off",
                                  "todo-secondary-off"}) {
        INFO(condition);
        CHECK(time_of(site, {"wait-resource", "r", condition}, 0) < 1s);
    }
    for (const char* condition :
         {"is-primary", "is-attach-off", "todo-attach-off", "primary", "secondary", "is-sync"}) {
        auto span = time_of(site, {"wait-resource", "r", condition, "--timeout=3"}, 3);
        CHECK(span >= 3s);
        CHECK(span < 4500ms);
    }
    for (const char* condition : {"UpToDate", "uptodate-on", "OutDated-off", "Replaying", "Syncing-off"}) {
        INFO(condition);
        CHECK(time_of(site, {"wait-resource", "r", condition}, 0) < 1s);
    }
    CHECK(time_of(site, {"wait-resource", "r", "Syncing", "--timeout=3"}, 3) >= 3s);
    CHECK(site.output.text(Severity::error).find("its state on host a is UpToDate Replaying, expected Syncing") !=
          std::string::npos);
    for (const char* condition : {"nonsense", "is-", "is-connect", "emergency"})
        site.refuse({"wait-resource", "r", condition}, "usage.condition");
}

TEST_CASE("a wait for a state ends when view shows it, whatever it shows in brackets") {
    Pair site;
    site.machine.filesystem().add_disk("/dev/vg/a", 1 << 20);
    int ticks = 0;
    site.on_tick = [&] {
        if (++ticks == 20) site.set("resource-r/replay-a", "log-000000003-b,1024,3072", 0s);
        if (ticks == 40) site.set("resource-r/replay-a", "log-000000003-b,4096,0", 0s);
    };
    CHECK(time_of(site, {"wait-resource", "r", "OutDated"}, 0) >= 1900ms);
    CHECK(time_of(site, {"wait-resource", "r", "UpToDate"}, 0) >= 1s);
}

TEST_CASE("a wait ends as soon as the condition holds, and looks once with timeout 0") {
    Pair site;
    int ticks = 0;
    site.on_tick = [&] {
        if (++ticks == 50) site.set("resource-r/actual-a/is-attached", "0", 0s);
    };
    auto span = time_of(site, {"wait-resource", "r", "is-attach-off", "--timeout=-1"}, 0);
    CHECK(span >= 4900ms);
    CHECK(span < 5500ms);
    CHECK(time_of(site, {"wait-resource", "r", "is-attach-off", "--timeout=0"}, 0) < 1s);
    CHECK(time_of(site, {"wait-resource", "r", "is-attach-on", "--timeout=0"}, 3) < 1s);
    CHECK_FALSE(site.output.text(Severity::error).empty());
}

TEST_CASE("while waiting it says for what, more and more rarely") {
    Pair site;
    (void)time_of(site, {"wait-resource", "r", "is-attach-off", "--timeout=100"}, 3);
    std::size_t lines = 0;
    for (const auto& event : site.output.events) lines += event.severity == Severity::progress ? 1 : 0;
    CHECK(lines >= 4);
    CHECK(lines <= 10);
    CHECK(site.output.text(Severity::progress).find("is-attached of host a is 1, expected 0") != std::string::npos);
}

TEST_CASE("wait-umount waits for all members, and names who uses the device") {
    Pair site;
    CHECK(time_of(site, {"wait-umount", "r"}, 0) < 1s);
    site.set("resource-r/actual-b/open-count", "2", 0s);
    (void)time_of(site, {"wait-umount", "r", "--timeout=5"}, 3);
    CHECK(site.output.text(Severity::error).find("host b (open-count 2)") != std::string::npos);
    int ticks = 0;
    site.on_tick = [&] {
        if (++ticks == 20) site.set("resource-r/actual-b/open-count", "0", 0s);
    };
    CHECK(time_of(site, {"wait-umount", "r"}, 0) < 3s);
}

TEST_CASE("wait-umount skips members that nothing recent is known of, unless strict") {
    Pair site;
    site.set("resource-r/actual-b/open-count", "2");
    site.beating.erase("b");
    site.world.run_for(10min);
    site.alive({"a"});
    CHECK(time_of(site, {"wait-umount", "r"}, 0) < 1s);
    CHECK(site.output.text(Severity::warning).find("nothing recent is known of b") != std::string::npos);
    CHECK(time_of(site, {"wait-umount", "r", "--strict-wait", "--timeout=2"}, 3) < 3s);
}

namespace {

// A listener that takes its time.
class SlowHooks final : public Hooks {
  public:
    SlowHooks(env::Clock& clock, std::string name) : clock_(clock), name_(std::move(name)) {}
    bool listens(std::string_view name) override { return name == name_; }
    env::task<result<void>> fire(Event) override {
        co_await clock_.sleep(3s);
        co_return result<void>();
    }

  private:
    env::Clock& clock_;
    std::string name_;
};

} // namespace

TEST_CASE("a timeout that is given is for the whole verb, hooks included; the usual one is for each wait") {
    Pair site;
    site.make_hooks = [](env::Env& env) { return std::make_unique<SlowHooks>(env.clock(), "detach.await-off.before"); };
    const auto given = time_of(site, {"detach", "r", "--timeout=5"}, 3);
    CHECK(given >= 4900ms);
    CHECK(given < 6s);
    site.defaults.timeout = 5s;
    CHECK(time_of(site, {"detach", "r"}, 3) >= 8s);
}
