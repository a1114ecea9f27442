// SPDX-License-Identifier: GPL-2.0-or-later
// An application that does not start at the new primary goes back to the old one by itself, with the role and with all
// data, or the verb says why it cannot.
#include "shell/steps/return_home.hpp"

#include "kernel/format/version_link.hpp"
#include "kernel/tree/disk_view.hpp"
#include "kernel/tree/handover_state.hpp"
#include "tests/unit/shell/units_fixture.hpp"

using namespace mars;
using namespace mars::shell;
using namespace mars::shell::testing;

namespace {

// The application runs at b, and does not start at a.
struct Failing : Units {
    Failing() {
        configure("b");
        open("b", true);
        fake.failing = {"app-r.service"};
        on_tick = [this] { tick(); };
    }
    // Plays marsd of both hosts and systemd of b. `is_able`: whether the application starts there.
    void tick() {
        if (leaves_role || r("primary") == "a") obey("a");
        obey("b");
        const auto primary = r("primary");
        if (seen.empty() || seen.back() != primary) {
            if (primary == "b" && !seen.empty()) took_over_early = r("actual-a/is-primary") == "1";
            seen.push_back(primary);
        }
        const bool shall_run = r("systemd-want") == "b" && r("actual-b/if-on") == "1";
        if (!shall_run)
            open("b", false);
        else if (is_able) {
            open("b", true);
            if (r("userspace/systemd-status-start-b") != "0")
                set("resource-r/userspace/systemd-status-start-b", "0", 0s);
        } else if (seen.size() > 1 && r("userspace/systemd-status-start-b") != "1")
            set("resource-r/userspace/systemd-status-start-b", "1", 0s);
        if (also) also();
    }
    void write_to(const std::string& host, std::int64_t position) {
        const auto version = format::make_version({3, "b"}, position, std::string(kVersion2)).text();
        set("resource-r/version-000000003-" + host, version, 0s);
        set("resource-r/replay-" + host, "log-000000003-b," + std::to_string(position) + ",0", 0s);
    }
    void expect_stays(const std::string& why) {
        const auto result = run({"primary", "r"});
        INFO(errors());
        CHECK(result.exit == 1);
        CHECK(r("primary") == "a");
        CHECK(r("systemd-want") == "a");
        CHECK_THAT(errors(), Catch::Contains("host a stays primary, and the application runs nowhere") &&
                                 Catch::Contains(why) && Catch::Contains("next") && Catch::Contains("[unit.job]"));
    }

    std::vector<std::string> seen; // values of `primary`
    std::function<void()> also;
    bool took_over_early = false;
    bool leaves_role = true;
    bool is_able = true;
};

} // namespace

TEST_CASE("an application that does not start here goes back to the old primary by itself") {
    Failing site;
    const auto result = site.run({"primary", "r"});
    INFO(site.errors());
    CHECK(result.exit == 1);
    CHECK(site.fake.count("start app-r.service") == 5);
    CHECK(site.seen == Words{"b", "(none)", "a", "(none)", "b"});
    CHECK_FALSE(site.took_over_early);
    CHECK(site.r("systemd-want") == "b");
    CHECK(site.r("userspace/last-primary") == "b");
    CHECK(site.r("actual-b/open-count") == "1");
    CHECK(site.r("actual-a/if-on") == "0");
    CHECK_THAT(site.errors(),
               Catch::Contains("the application did not start on host a: ") &&
                   Catch::Contains("unit app-r.service has failed") && Catch::Contains("it went back to host b") &&
                   Catch::Contains("start given up on host a, ") && Catch::Contains("host b is primary again, ") &&
                   Catch::Contains("without application for ") && Catch::Contains("[unit.job]"));
}

TEST_CASE("the old host gets the role back only with everything that was written here") {
    Failing site;
    site.fake.on_job = [] {};
    bool is_written = false, is_early = false;
    int ticks = 0;
    site.also = [&] {
        if (site.r("primary") == "a" && !std::exchange(is_written, true)) // journal of the filesystem, say
            site.write_to("a", 5000);
        if (is_written && ++ticks < 600) is_early = is_early || site.r("primary") != "a";
        if (ticks == 600) site.write_to("b", 5000);
    };
    CHECK(site.run({"primary", "r"}).exit == 1);
    CHECK_FALSE(is_early);
    CHECK(site.r("primary") == "b");
}

TEST_CASE("where the application cannot go back, it stays wanted here, and the verb says why") {
    Failing site;
    SECTION("--no-return") {
        const auto result = site.run({"primary", "r", "--no-return"});
        CHECK(result.exit == 1);
        CHECK(site.r("primary") == "a");
        CHECK(site.r("systemd-want") == "a");
        CHECK_THAT(site.errors(), Catch::Contains("--no-return") && Catch::Contains("host a stays primary"));
    }
    SECTION("the old host is silent") {
        site.also = [&] {
            if (site.r("primary") == "a") site.beating.erase("b");
        };
        site.expect_stays("host b has not answered");
    }
    SECTION("the old host's disk has failed") {
        site.also = [&] {
            if (site.r("primary") == "a") site.set("resource-r/actual-b/disk-error", "-5", 0s);
        };
        site.expect_stays("disk-error is -5");
    }
    SECTION("its data does not arrive there") {
        site.also = [&] {
            if (site.r("primary") == "a") site.write_to("a", 5000);
        };
        site.expect_stays("host b is at log-000000003-b,4096,0");
    }
    SECTION("what was started here does not stop") {
        site.fake.active = {"vol-r.mount"};
        site.also = [&] {
            if (site.r("primary") != "a") return;
            site.open("a", true);
            site.fake.failing.insert("vol-r.mount");
        };
        site.expect_stays("vol-r.mount");
    }
}

TEST_CASE("an application that was not running before is not taken anywhere") {
    Failing site;
    site.set("resource-r/systemd-want", "(none)");
    site.open("b", false);
    CHECK(site.run({"primary", "r"}).exit == 1);
    CHECK(site.r("primary") == "a");
    CHECK(site.seen == Words{"b", "(none)", "a"});
}

TEST_CASE("a host that does not leave its role takes it back") {
    Failing site;
    site.leaves_role = false;
    CHECK(site.run({"primary", "r"}).exit == 1);
    CHECK(site.r("primary") == "a");
    CHECK(site.r("systemd-want") == "a");
    CHECK_THAT(site.errors(),
               Catch::Contains("host a has not left its role") && Catch::Contains("host a is designated primary now"));
}

TEST_CASE("who is made primary meanwhile keeps the role") {
    Failing site;
    site.set("resource-r/device-c", "r");
    const bool is_before = GENERATE(true, false);
    site.also = [&] {
        if (is_before && site.r("primary") == "a") site.write_to("a", 5000); // the other host has to catch up
        const bool is_moving = site.r("primary") == "a" && site.r("systemd-want") == "b";
        if (is_before ? is_moving : site.seen.size() == 4 && site.r("primary") == "(none)")
            site.set("resource-r/primary", "c", 0s); // by a command on c, whose wish was older
    };
    INFO("before this host has left its role: " << is_before);
    CHECK(site.run({"primary", "r"}).exit == 1);
    CHECK(site.r("primary") == "c");
    CHECK(site.r("systemd-want") == "c");
    CHECK_THAT(site.errors(), Catch::Contains("host c is designated primary now"));
}

TEST_CASE("an application that does not start at the old host either is not called running") {
    Failing site;
    site.is_able = false;
    CHECK(site.run({"primary", "r"}).exit == 1);
    CHECK(site.r("primary") == "b");
    CHECK_THAT(site.errors(),
               Catch::Contains("did not start there either") && Catch::Contains("host b is designated primary now"));
    CHECK(site.errors().find("runs there") == std::string::npos);
}

namespace {

// What every host tells when nothing is heard of the one where the command was given.
tree::Handover told_handover(const Site& site) {
    tree::DiskView view(*site.hand, "/mars");
    return tree::find_handover(view, "r", [](const std::string&) { return false; });
}

tree::Application::Kind told_application(const Site& site) {
    tree::DiskView view(*site.hand, "/mars");
    return tree::find_application(view, "r").kind;
}

} // namespace

TEST_CASE("a way home that is cut short anywhere is told, and the same command completes it") {
    bool is_complete = false, was_towards_home = false;
    for (int moment = 0; !is_complete; ++moment) {
        Failing site;
        int ticks = -1;
        bool is_killed = false;
        site.also = [&] {
            if (ticks < 0 && site.fake.count("start app-r.service") < 5) return;
            if (++ticks != moment) return;
            is_killed = true;
            site.kill();
        };
        (void)site.run({"primary", "r"});
        INFO("killed " << moment << " ticks after the last start has failed: primary " << site.r("primary")
                       << ", wanted on " << site.r("systemd-want") << ", note " << site.r("userspace/handover-a"));
        is_complete = !is_killed;
        const auto handover = told_handover(site);
        const bool is_back = site.r("primary") == "b";
        if (is_killed && !is_back) {
            CHECK(handover.kind == tree::Handover::Kind::unfinished);
            CHECK(handover.note.to == (site.r("systemd-want") == "b" ? "b" : "a"));
            was_towards_home = was_towards_home || handover.note.to == "b";
        }
        if (is_back) CHECK(site.r("systemd-want") == "b"); // the rest is done there

        site.fake.failing.clear();
        site.also = {};
        site.succeed({"primary", "r"});
        CHECK(site.r("primary") == "a");
        CHECK(site.r("systemd-want") == "a");
        CHECK(told_application(site) == tree::Application::Kind::running);
        CHECK(told_handover(site).kind == tree::Handover::Kind::none);
        CHECK(site.r("userspace/handover-a") == "");
    }
    CHECK(was_towards_home);
}

TEST_CASE("the old host completes a way home that was cut short at the other one") {
    Failing site; // this host is the old one: the application did not start at b
    site.fake.failing.clear();
    site.open("b", false);
    site.set("resource-r/systemd-want", "a", 1s);
    site.set("resource-r/userspace/handover-b", "a,11,abandoned", 1s);
    const bool has_left = GENERATE(false, true);
    if (has_left) {
        site.set("resource-r/primary", "(none)", 1s);
        site.obey("b");
    }
    CHECK(told_handover(site).kind == tree::Handover::Kind::unfinished);
    site.succeed({"primary", "r"});
    CHECK(site.r("primary") == "a");
    CHECK(site.r("systemd-want") == "a");
    CHECK(told_application(site) == tree::Application::Kind::running);
    CHECK(site.r("userspace/handover-b") == "");
}
