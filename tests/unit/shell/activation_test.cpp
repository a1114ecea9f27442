// SPDX-License-Identifier: GPL-2.0-or-later
// Whether a start unit runs, when others start it as well.
#include "shell/systemd/activation.hpp"

#include "tests/unit/shell/units_fixture.hpp"

using namespace mars;
using namespace mars::shell;
using namespace mars::shell::testing;

TEST_CASE("a service that somebody else has begun just now counts as started only when it stays") {
    Units site;
    site.b_follows(true);
    site.configure("b");
    site.open("b", true);
    site.fake.active = {"vol-r.mount", "app-r.service"}; // by the watcher of the device
    site.fake.ages["app-r.service"] = 0s;
    int looks = 0;
    const bool is_good = GENERATE(false, true);
    if (!is_good) {
        site.fake.failing = {"app-r.service"};
        site.fake.on_state = [&] {
            if (site.r("primary") != "a" || ++looks != 3) return;
            site.fake.active.erase("app-r.service");
            site.fake.failed = {"app-r.service"};
        };
    }
    site.set("resource-r/actual-a/open-count", "0", 0s);
    site.fake.on_job = [] {};
    // The filesystem of the application is mounted, so the device is open, whatever becomes of the service.
    const auto play = site.on_tick;
    site.on_tick = [&site, play] {
        play();
        if (site.r("actual-a/if-on") == "1" && site.r("actual-a/open-count") != "1") site.open("a", true);
    };
    const auto result = site.run({"--no-return", "primary", "r"});
    INFO(site.output.text(Severity::info) << site.errors());
    CHECK((result.exit == 0) == is_good);
    CHECK((site.output.text(Severity::info).find("the application runs on host a") != std::string::npos) == is_good);
    CHECK(site.fake.count("start app-r.service") == (is_good ? 0 : 4));
    CHECK(site.r("userspace/systemd-status-start-a") == (is_good ? "0" : "1"));
}

TEST_CASE("a service that fails while another command makes systemd forget that counts as failed") {
    Units site;
    site.b_follows(true);
    site.configure("b");
    site.open("b", true);
    const bool is_started_again = GENERATE(false, true);
    CAPTURE(is_started_again);
    int looks = 0;
    site.fake.on_state = [&] {
        if (site.r("primary") != "a" || !site.fake.active.contains("app-r.service")) return;
        const int age = ++looks % 3;
        site.fake.ages["app-r.service"] = age * 200ms;
        if (age == 0 && !is_started_again) site.fake.active.erase("app-r.service");
    };
    site.fake.on_job = [&] { site.open("a", true); };
    const auto result = site.run({"--no-return", "primary", "r"});
    INFO(site.output.text(Severity::info) << site.errors());
    CHECK(result.exit != 0);
    CHECK(site.output.text(Severity::info).find("the application runs on host a") == std::string::npos);
    CHECK(site.r("userspace/systemd-status-start-a") == "1");
}

TEST_CASE("who waits for the device to be closed does not keep the next wish waiting") {
    Units site;
    site.configure("b");
    site.set("resource-r/primary", "a");
    site.both_obey();
    site.set("resource-r/actual-a/if-on", "1", 0s);
    site.open("a", true); // by somebody, nothing of ours is up
    site.fake.on_job = [] {};
    int ticks = 0;
    const auto play = site.on_tick;
    site.on_tick = [&site, &ticks, play] {
        play();
        if (++ticks == 3) site.set("resource-r/systemd-want", "a", 0s);
    };
    const auto begin = site.hand->clock().steady();
    site.succeed({"systemd-trigger-extern", "r"});
    CHECK(site.fake.active.contains("app-r.service"));
    CHECK(site.hand->clock().steady() - begin < 9s); // of simulated time
}

TEST_CASE("a wish that changes just before the start is not waited past") {
    Units site;
    site.configure("a");
    site.set("resource-r/primary", "a");
    site.both_obey();
    site.set("resource-r/actual-a/if-on", "1", 0s);
    site.fake.active = {"vol-r.mount"};
    site.fake.hanging = {"app-r.service"}; // its start waits for its end, which does not come
    site.fake.on_state = [&] {
        if (site.fake.count("reload") > 0) site.set("resource-r/systemd-want", "b", 0s); // once the units are made
    };
    const auto begin = site.hand->clock().steady();
    site.succeed({"systemd-trigger-extern", "r"});
    CHECK(site.hand->clock().steady() - begin < 9s); // of simulated time
    CHECK(site.fake.count("start app-r.service") == 1);
    CHECK(site.fake.count("stop vol-r.mount") == 1);
}
