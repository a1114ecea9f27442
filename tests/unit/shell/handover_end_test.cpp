// SPDX-License-Identifier: GPL-2.0-or-later
// How a handover ends when it is interrupted, fails, or is only tried: it completes, or gives everything back. And what
// it leaves for others to see while it goes on.
#include "kernel/tree/handover_note.hpp"
#include "tests/unit/shell/units_fixture.hpp"

using namespace mars;
using namespace mars::shell;
using namespace mars::shell::testing;

namespace {

// The pair of the fixture (b is primary) with an application that has the device open there.
struct Application : WithSystemd {
    Application() {
        add("app-^{n}.service", "[Service]\n");
        fake.known = {"app-r.service"};
        set("resource-r/systemd-start-unit", "app-r.service");
        set("resource-r/systemd-stop-unit", "app-r.service");
        set("resource-r/systemd-want", "b");
        open("b", true);
    }
    // marsd of both hosts, and systemd of host b.
    void play() {
        obey("a");
        obey("b");
        const bool runs = r("systemd-want") == "b" && r("actual-b/if-on") == "1";
        if (runs != (r("actual-b/open-count") == "1")) open("b", runs);
    }
    std::optional<tree::HandoverNote> note() const { return tree::HandoverNote::parse(r("userspace/handover-a")); }
    std::string warnings() const { return output.text(Severity::warning); }
};

} // namespace

TEST_CASE("beyond the point of no return no interruption ends a handover") {
    Application site;
    int ticks = 0;
    site.on_tick = [&] {
        site.obey("a");
        if (site.r("primary") == "(none)" && ++ticks < 20) { // b takes its time
            if (ticks == 5 || ticks == 8) site.interrupt();
            site.open("b", false);
            return;
        }
        site.play();
    };
    const auto result = site.run({"primary", "r"});
    INFO(site.output.text(Severity::error));
    CHECK(result.exit == 0);
    CHECK(site.r("primary") == "a");
    CHECK(site.r("actual-a/open-count") == "1");
    CHECK_THAT(site.warnings(), Catch::Contains("goes on to its end"));
    CHECK_FALSE(site.note());
}

TEST_CASE("of several resources those are given back that are not beyond the point of no return") {
    Application site;
    site.copy_resource("r", "s");
    site.set("resource-s/replay-b", "log-000000003-b,8192,0", 0s); // its data does not arrive
    site.set("resource-s/version-000000003-b", std::string(Pair::kVersion3), 0s);
    int ticks = 0;
    site.on_tick = [&] {
        if (site.get("resource-s/systemd-want") == "a") site.set("resource-s/actual-b/open-count", "0", 0s);
        site.obey("a");
        if (site.r("primary") == "(none)" && ++ticks < 20) {
            if (ticks == 5) site.interrupt();
            site.open("b", false);
            return;
        }
        site.play();
    };
    const auto result = site.run({"primary", "r,s"});
    CHECK(result.exit != 0);
    CHECK(site.r("primary") == "a");
    CHECK(site.get("resource-s/primary") == "b");
    CHECK(site.get("resource-s/systemd-want") == "b");
    CHECK(site.get("resource-s/userspace/handover-a") == "");
}

TEST_CASE("a handover that fails beyond the point of no return gives role and application back") {
    Application site;
    bool is_silent = false;
    site.on_tick = [&] {
        if (site.r("primary") == "(none)" && !is_silent) {
            is_silent = true;
            site.beating.erase("b");
        }
        if (is_silent && site.r("primary") == "b") site.alive({"a", "b"}); // the line is up again
        if (site.r("primary") != "(none)")
            site.play();
        else
            site.obey("a");
    };
    const auto result = site.run({"--timeout=20", "primary", "r"});
    CHECK(result.exit == 3);
    CHECK(site.r("primary") == "b");
    CHECK(site.r("systemd-want") == "b");
    CHECK_THAT(site.warnings(),
               Catch::Contains("host b is designated primary again, and its application is wanted there"));
    CHECK(site.r("userspace/last-primary") == "b");
    CHECK(site.r("userspace/prev-primary") == "b");
    CHECK_FALSE(site.note());
    site.alive({"a", "b"});
    site.on_tick = [&] { site.play(); };
    site.succeed({"primary", "r"});
    CHECK(site.r("primary") == "a");
}

TEST_CASE("a role that somebody else has taken meanwhile is not given back") {
    Application site;
    site.set("resource-r/data-c", "/dev/vg/c");
    site.set("resource-r/device-c", "r");
    site.on_tick = [&] {
        if (site.r("primary") == "(none)") {
            site.set("resource-r/primary", "c", 0s);
            site.set("resource-r/userspace/last-primary", "c", 0s);
        }
        if (site.r("primary") == "b") site.play();
    };
    CHECK(site.run({"--timeout=20", "primary", "r", "--ignore-sync"}).exit != 0);
    CHECK(site.r("primary") == "c");
    CHECK_FALSE(site.note());
}

TEST_CASE("while a handover goes on a note tells who does it, and how far it is") {
    Application site;
    std::vector<int> phases;
    site.on_tick = [&] {
        if (const auto note = site.note()) {
            CHECK(note->to == "a");
            CHECK(tree::is_process_alive(note->process));
            if (phases.empty() || phases.back() != note->phase) phases.push_back(note->phase);
        } else {
            CHECK(site.r("systemd-want") == (site.r("primary") == "a" ? "a" : "b"));
        }
        site.play();
    };
    site.succeed({"primary", "r"});
    CHECK(phases == std::vector<int>{3, 4, 8});
    CHECK_FALSE(site.note());
}

TEST_CASE("what an earlier handover has left half done is told as long as it is so") {
    Application site;
    site.set("resource-r/primary", "(none)");
    site.set("resource-r/systemd-want", "a");
    site.set("resource-r/actual-b/is-primary", "0");
    site.set("resource-r/actual-b/if-on", "0");
    site.open("b", false);
    site.set("resource-r/userspace/handover-a", "a,5,abandoned");
    site.beating.erase("b");
    site.on_tick = [&] { site.obey("a"); };
    CHECK(site.run({"--timeout=5", "primary", "r"}).exit == 3);
    CHECK(site.r("userspace/handover-a") == "a,5,abandoned");
    site.alive({"a", "b"});
    site.on_tick = [&] { site.play(); };
    site.succeed({"primary", "r"});
    CHECK(site.r("userspace/handover-a") == "");
}

TEST_CASE("notes of handovers that are complete by now go with the next command, those of others that go on stay") {
    Application site;
    site.set("resource-r/primary", "a", 5min);
    site.set("resource-r/userspace/last-primary", "a", 5min);
    site.set("resource-r/systemd-want", "a");
    site.set("resource-r/userspace/handover-a", "a,8,abandoned");
    site.set("resource-r/userspace/handover-b", "b,3,abandoned");
    site.set("resource-r/userspace/handover-c", "c,3,77.1234.00000000");
    site.on_tick = [&] { site.play(); };
    site.succeed({"primary", "r"});
    CHECK(site.r("userspace/handover-a") == "");
    CHECK(site.r("userspace/handover-b") == "");
    CHECK(site.r("userspace/handover-c") != "");
}

TEST_CASE("a dry run of a handover says what it would do, waits for nothing, and claims nothing that is false") {
    for (const bool has_application : {true, false}) {
        Application site;
        if (!has_application) {
            for (const char* key : {"systemd-start-unit", "systemd-stop-unit", "systemd-want"})
                site.set(std::string("resource-r/") + key, ".deleted");
            site.open("b", false);
        }
        site.on_tick = [&] { site.play(); };
        const auto before = site.snapshot();
        const auto begin = site.world.now();
        site.succeed({"primary", "r", "--dry-run"});
        CHECK(site.world.now() - begin < 10s);
        CHECK(Site::difference(before, site.snapshot()) == "");
        const auto text = site.output.text(Severity::info);
        CHECK_THAT(text, Catch::Contains("would set /mars/resource-r/primary = a"));
        CHECK_THAT(text, !Catch::Contains("designated primary"));
        if (has_application) CHECK_THAT(text, Catch::Contains("would start the application (app-r.service) on host a"));
    }
}

TEST_CASE("an application is stopped when this host has caught up") {
    Application site;
    site.set("resource-r/replay-a", "log-000000003-b,2048,2048");
    int ticks = 0;
    bool was_stopped_early = false;
    site.on_tick = [&] {
        site.play();
        if (++ticks < 100) was_stopped_early = was_stopped_early || site.r("systemd-want") != "b";
        if (ticks == 100) site.set("resource-r/replay-a", "log-000000003-b,4096,0", 0s);
    };
    SECTION("waits") {
        site.succeed({"primary", "r"});
        CHECK_FALSE(was_stopped_early);
        CHECK_THAT(site.output.text(Severity::progress), Catch::Contains("2.0 KiB of what was written"));
    }
    SECTION("--now does not") {
        site.succeed({"primary", "r", "--now"});
        CHECK(was_stopped_early);
    }
    SECTION("an interruption changes nothing") {
        auto play = site.on_tick;
        site.on_tick = [&, play] {
            play();
            if (ticks == 50) site.interrupt();
        };
        const auto before = site.snapshot();
        CHECK(site.run({"primary", "r"}).exit == 6);
        CHECK(Site::difference(before, site.snapshot()) == "");
    }
    SECTION("a timeout changes nothing") {
        const auto before = site.snapshot();
        CHECK(site.run({"primary", "r", "--timeout=5"}).exit == 3);
        CHECK(Site::difference(before, site.snapshot()) == "");
        CHECK_THAT(site.output.text(Severity::error), Catch::Contains("nothing was changed"));
    }
}

namespace {

// A plugin that refuses one event.
struct Refusing final : Hooks {
    Refusing(std::string which, int& times) : refused(std::move(which)), count(times) {}
    bool listens(std::string_view name) override { return name == refused; }
    env::task<result<void>> fire(Event event) override {
        count += event.name == refused ? 1 : 0;
        co_return refusal("hook.failed", "no");
    }
    std::string refused;
    int& count;
};

} // namespace

TEST_CASE("what a hook refuses beyond the point of no return is said, and done all the same") {
    for (const std::string moment : {"leave-old.after", "await-old.before", "designate.after", "await-device.before"}) {
        Application site;
        int count = 0;
        site.make_hooks = [&](env::Env&) { return std::make_unique<Refusing>("primary." + moment, count); };
        site.on_tick = [&] { site.play(); };
        site.succeed({"primary", "r"});
        INFO(moment);
        CHECK(count == 1);
        CHECK(site.r("primary") == "a");
        CHECK(site.r("actual-a/open-count") == "1");
        CHECK_THAT(site.warnings(), Catch::Contains("going on all the same"));
    }
}

TEST_CASE("a hook that refuses before the point of no return leaves everything as it was") {
    for (const std::string moment : {"check.after", "catch-up.after", "stop-old.after", "leave-old.before"}) {
        Application site;
        int count = 0;
        site.make_hooks = [&](env::Env&) { return std::make_unique<Refusing>("primary." + moment, count); };
        site.on_tick = [&] { site.play(); };
        INFO(moment);
        CHECK(site.run({"primary", "r"}).exit != 0);
        CHECK(site.r("primary") == "b");
        CHECK(site.r("systemd-want") == "b");
        CHECK_FALSE(site.note());
    }
}

TEST_CASE("the attempt after one that was killed gives the application back to the primary") {
    Application site;
    site.set("resource-r/systemd-want", "a"); // the killed one has stopped it
    site.open("b", false);
    site.set("resource-r/userspace/handover-a", "a,3,abandoned");
    site.set("resource-r/replay-b", "log-000000003-b,4097,0", 0s); // does not arrive
    site.on_tick = [&] { site.obey("a"), site.obey("b"); };
    CHECK(site.run({"--timeout=5", "primary", "r"}).exit == 3);
    CHECK(site.r("primary") == "b");
    CHECK(site.r("systemd-want") == "b");
}
