// SPDX-License-Identifier: GPL-2.0-or-later
// What a host tells of its application: the companion of the start unit, and the verb that it calls.
#include "tests/unit/shell/units_fixture.hpp"

using namespace mars;
using namespace mars::shell;
using namespace mars::shell::testing;

namespace {

constexpr auto kCompanion = "mars-r-application.service";
constexpr auto kKey = "userspace/systemd-application-a";

struct Followed : Units {
    Followed() {
        add("mars-@escvar{res}-application.service",
            "[Unit]\nBindsTo=@eval{%readlink{%{resdir}/systemd-start-unit}}\n[Service]\n[Install]\n"
            "WantedBy=@eval{%readlink{%{resdir}/systemd-start-unit}}\n");
        fake.known.insert(kCompanion);
        fake.bound_to[kCompanion] = "app-r.service";
        set("resource-r/primary", "a");
        both_obey();
        set("resource-r/actual-a/if-on", "1", 0s);
    }
    std::string unit_text(const std::string& name) const {
        auto text = hand->storage().read_file("/run/systemd/system/" + name, 4096);
        return text ? *text : std::string();
    }
};

} // namespace

TEST_CASE("a start unit has a companion that begins and ends with it") {
    Followed site;
    site.succeed({"systemd-trigger"});
    CHECK_FALSE(site.exists_unit(kCompanion));
    site.succeed({"set-systemd-unit", "r", "app-r.service", "vol-r.mount"});
    CHECK(site.unit_text(kCompanion).find("BindsTo=app-r.service\n") != std::string::npos);
    CHECK(site.fake.count(std::string("enable ") + kCompanion) == 1);
    site.succeed({"set-systemd-unit", "r", ""});
    CHECK_FALSE(site.exists_unit(kCompanion));
}

TEST_CASE("another start unit: its companion is enabled for that, unless somebody has switched it off") {
    for (const std::string file : {"enabled-runtime", "disabled"}) {
        Followed site;
        site.succeed({"set-systemd-unit", "r", "app-r.service", "vol-r.mount"});
        site.fake.log.clear();
        site.fake.files[kCompanion] = file;
        site.succeed({"set-systemd-unit", "r", "vol-r.mount"});
        CHECK(site.unit_text(kCompanion).find("WantedBy=vol-r.mount\n") != std::string::npos);
        const std::size_t expected = file == "disabled" ? 0 : 1;
        CHECK(site.fake.count(std::string("disable ") + kCompanion) == expected);
        CHECK(site.fake.count(std::string("enable ") + kCompanion) == expected);
        // Whom it follows is known after the reload only.
        const auto& log = site.fake.log;
        const auto enabled = std::find(log.begin(), log.end(), std::string("enable ") + kCompanion);
        if (expected == 1) CHECK(std::find(enabled, log.end(), "reload") != log.end());
    }
}

TEST_CASE("whoever starts the application sees to it that its end will be told") {
    Followed site;
    site.configure("a");
    site.set(std::string("resource-r/") + kKey, "active"); // before the power was cut
    std::string while_starting;
    site.fake.on_job = [&] {
        if (!site.fake.active.contains(kCompanion)) while_starting = site.r(kKey);
        site.open("a", true);
    };
    site.succeed({"systemd-trigger-extern", "r"});
    CHECK(while_starting == "activating");
    CHECK(site.fake.active.contains(kCompanion));
    site.fake.active.erase(kCompanion); // as after an update of this program
    site.succeed({"systemd-trigger-extern", "r"});
    CHECK(site.fake.active.contains(kCompanion));
}

TEST_CASE("without a companion, what was told once is taken back") {
    Followed site;
    site.configure("a");
    site.set(std::string("resource-r/") + kKey, "inactive");
    site.fake.known.erase(kCompanion);
    site.succeed({"systemd-trigger-extern", "r"});
    CHECK(site.r(kKey).empty());
}

TEST_CASE("what could not be told is told by the next look at the application") {
    Followed site;
    site.configure("a");
    site.fake.active = {"app-r.service", "vol-r.mount", kCompanion};
    const auto before = GENERATE("inactive", "activating", "failed"); // or another call was slower to tell the begin
    site.set(std::string("resource-r/") + kKey, before);
    site.succeed({"systemd-trigger-extern", "r"});
    CHECK(site.r(kKey) == "active");
}

TEST_CASE("an application that shall end is not started by what would tell about it") {
    Followed site;
    site.configure("a");
    site.fake.active = {"app-r.service", "vol-r.mount"};
    SECTION("it has ended since it was looked at") {
        site.fake.before_job = [&] { site.fake.active.clear(); };
        site.succeed({"systemd-trigger-extern", "r"});
        CHECK_FALSE(site.fake.active.contains("app-r.service"));
    }
    SECTION("its end is ordered") {
        site.fake.jobs["app-r.service"] = GENERATE("stop", "restart");
        site.succeed({"systemd-trigger-extern", "r"});
        CHECK(site.fake.count(std::string("start ") + kCompanion) == 0);
    }
}

TEST_CASE("of a unit that is over as soon as it was started, nothing is told") {
    Followed site;
    site.configure("a");
    site.fake.passing = {"app-r.service"};
    site.set(std::string("resource-r/") + kKey, GENERATE("active", "inactive")); // of another unit
    site.fake.on_job = [&] { site.open("a", true); };
    SECTION("started") {
        site.succeed({"systemd-trigger-extern", "r"});
    }
    SECTION("the companion of the other unit ends") {
        site.succeed({"systemd-application-extern", "r", "ended"});
    }
    CHECK(site.r(kKey).empty());
}

TEST_CASE("a companion that ends alone says nothing about the application, which goes on") {
    Followed site;
    site.configure("a");
    site.set(std::string("resource-r/") + kKey, "active");
    site.fake.active = {"app-r.service", "vol-r.mount"};
    site.succeed({"systemd-application-extern", "r", "ended"});
    CHECK(site.r(kKey).empty());
}

TEST_CASE("the companion tells begin and end of the start unit") {
    Followed site;
    site.configure("a");
    site.succeed({"systemd-application-extern", "r", "active"});
    CHECK(site.r(kKey) == "active");
    site.fake.active.insert("app-r.service"); // that it ends is told before it ends
    site.fake.jobs["app-r.service"] = "stop";
    site.succeed({"systemd-application-extern", "r", "ended"});
    CHECK(site.r(kKey) == "inactive");
    site.fake.active.erase("app-r.service");
    site.fake.failed.insert("app-r.service");
    site.succeed({"systemd-application-extern", "r", "ended"});
    CHECK(site.r(kKey) == "failed");
    site.refuse({"systemd-application-extern", "r", "maybe"}, "usage.arg");
    site.succeed({"set-systemd-unit", "r", ""});
    site.succeed({"systemd-application-extern", "r", "ended"});
    CHECK(site.r(kKey) == "failed"); // nobody's business any more
}
