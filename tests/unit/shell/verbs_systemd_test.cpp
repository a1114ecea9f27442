// SPDX-License-Identifier: GPL-2.0-or-later
// Units of resources: setting them, moving the application with the role, and what happens when it does not stop.
#include "shell/systemd/activation.hpp"
#include "tests/unit/shell/units_fixture.hpp"

using namespace mars;
using namespace mars::shell;
using namespace mars::shell::testing;

TEST_CASE("set-systemd-unit stores both units and the wish, and makes the units") {
    Units site;
    site.succeed({"set-systemd-unit", "r", "app-r.service", "vol-r.mount"});
    CHECK(site.r("systemd-start-unit") == "app-r.service");
    CHECK(site.r("systemd-stop-unit") == "vol-r.mount");
    CHECK(site.r("systemd-want") == "b");
    CHECK(site.exists_unit("app-r.service"));
    CHECK(site.exists_unit("vol-r.mount"));
    CHECK(site.fake.count("reload") == 1);
    site.succeed({"get-systemd-unit", "r"});
    CHECK(site.output.text(Severity::answer) == "app-r.service vol-r.mount\n");
    site.succeed({"set-systemd-unit", "r", ""});
    CHECK(site.r("systemd-start-unit").empty());
    CHECK(site.r("systemd-want").empty());
    CHECK_FALSE(site.exists_unit("app-r.service"));
    CHECK_FALSE(site.exists_unit("vol-r.mount"));
    site.succeed({"get-systemd-unit", "r"});
    CHECK(site.output.text(Severity::answer).empty());
}

TEST_CASE("a stop unit that is not given is the start unit; keywords name templates; nonsense is refused") {
    Units site;
    site.succeed({"set-systemd-unit", "r", "vol-r.mount"});
    CHECK(site.r("systemd-stop-unit") == "vol-r.mount");
    site.refuse({"set-systemd-unit", "r", "no unit"}, "usage.arg");
    site.refuse({"set-systemd-unit", "r", "OTHER"}, "unit.template");
    site.refuse({"set-systemd-unit", "r"}, "usage.arg");
}

TEST_CASE("a unit that nobody gives is refused before anything is set") {
    Units site;
    site.refuse({"set-systemd-unit", "r", "nosuch.service"}, "unit.missing");
    CHECK(site.errors().find("on host a no template gives nosuch.service") != std::string::npos);
    site.refuse({"set-systemd-unit", "r", "app-r.service", "nosuch.mount"}, "unit.missing");
    CHECK(site.errors().find("no template gives nosuch.mount,") != std::string::npos);
    site.succeed({"set-systemd-unit", "r", "nosuch.service", "--force"});
    CHECK(site.r("systemd-start-unit") == "nosuch.service");
}

TEST_CASE("units that cannot be written make set-systemd-unit fail") {
    Units site;
    site.fake.has_room = false;
    auto result = site.run({"set-systemd-unit", "r", "app-r.service", "vol-r.mount"});
    CHECK(result.exit == 4);
    CHECK(site.errors().find("its units are set, but not made on host a: ") != std::string::npos);
    CHECK(site.errors().find("next, when that is cured: marsadm systemd-trigger") != std::string::npos);
    CHECK_FALSE(site.exists_unit("app-r.service"));
    CHECK(site.run({"systemd-trigger"}).exit == 4);
    site.fake.has_room = true;
    site.succeed({"systemd-trigger"});
    CHECK(site.exists_unit("app-r.service"));
}

TEST_CASE(
    "set-systemd-want on its own host fails when some units there cannot be written, after it has done the rest") {
    Units site;
    site.set("resource-r/primary", "a");
    for (const char* name : {"is-primary", "if-on"}) site.set(std::string("resource-r/actual-a/") + name, "1", 0s);
    site.configure("(none)");
    site.add("mars-@escvar{res}-trigger.path", "[Path]\nPathChanged=/mars/@{resdir}/systemd-trigger\n");
    site.fake.unwritable = "mars-r-trigger.path";
    auto result = site.run({"set-systemd-want", "r", "a"});
    CHECK(result.exit == 4);
    CHECK_THAT(site.errors(), Catch::Contains("not all units of host a are made: ") &&
                                  Catch::Contains("mars-r-trigger.path") &&
                                  Catch::Contains("next, when that is cured: marsadm systemd-trigger"));
    CHECK(site.r("systemd-want") == "a");
    CHECK(site.fake.active.contains("app-r.service"));
    CHECK(site.run({"set-systemd-want", "r", "a"}).exit == 4); // again, although the wish is the same
    site.set("resource-r/actual-b/if-on", "0", 0s);
    site.fake.active.clear();
    site.open("a", false);
    CHECK(site.run({"set-systemd-want", "r", "b"}).exit == 0); // not its business
    site.fake.unwritable = "(no unit)";
    site.succeed({"set-systemd-want", "r", "a"});
    CHECK(site.exists_unit("mars-r-trigger.path"));
}

TEST_CASE("who makes or gives up a replica, and cannot write units, has done the main part, and says so") {
    Units site;
    site.add("mars-@escvar{res}-trigger.path", "[Path]\nPathChanged=/mars/@{resdir}/systemd-trigger\n");
    site.machine.filesystem().add_disk("/dev/vg/new", 1 << 20);
    site.fake.has_room = false;
    const auto is_told = [&](const std::string& verb) {
        CHECK_THAT(site.errors(),
                   Catch::Contains(verb + " is done, but the units of host a are not as they should be: ") &&
                       Catch::Contains("next, when that is cured: marsadm systemd-trigger"));
    };
    CHECK(site.run({"create-resource", "n", "/dev/vg/new"}).exit == 5);
    CHECK(site.get("resource-n/data-a") == "/dev/vg/new");
    is_told("create-resource");
    site.set("resource-r/primary", "b");
    for (const char* name : {"attach", "connect", "sync", "allow-replay"})
        site.set(std::string("resource-r/todo-a/") + name, "0");
    for (const char* name : {"is-attached", "is-copying", "is-replaying"})
        site.set(std::string("resource-r/actual-a/") + name, "0", 0s);
    CHECK(site.run({"leave-resource", "r"}).exit == 5);
    CHECK(site.r("data-a").empty());
    is_told("leave-resource");
    site.fake.has_room = true;
    site.succeed({"systemd-trigger"});
    CHECK(site.exists_unit("mars-n-trigger.path"));
}

TEST_CASE("a job of systemd that does not end was waited for as long as is said") {
    Units site;
    site.set("resource-r/primary", "a");
    for (const char* name : {"is-primary", "if-on"}) site.set(std::string("resource-r/actual-a/") + name, "1", 0s);
    site.configure("(none)");
    site.fake.hanging = {"app-r.service"};
    CHECK(site.run({"--timeout=20", "set-systemd-want", "r", "a"}).exit != 0);
    CHECK_THAT(site.errors(),
               Catch::Contains("waited for 19 s: ") && Catch::Contains("unit app-r.service: start goes on"));
    site.configure("(none)");
    CHECK(site.run({"--timeout=0", "set-systemd-want", "r", "a"}).exit != 0);
    CHECK_THAT(site.errors(), Catch::Contains("waited for 0.1 s: unit app-r.service: start goes on"));
}

TEST_CASE("systemd-trigger fails when a template has errors, after it has done the rest") {
    Units site;
    site.configure("b");
    site.add("bad-@{res}.service", "[Servic\nExecStart=/bin/true\n");
    CHECK(site.run({"systemd-trigger"}).exit == 1);
    CHECK(site.output.text(Severity::warning).find("systemd templates: /etc/marsadm/systemd-templates/bad-") !=
          std::string::npos);
    CHECK(site.errors().find("next: marsadm templates check") != std::string::npos);
    CHECK(site.exists_unit("app-r.service"));
    CHECK(site.exists("userspace/systemd-trigger"));
}

TEST_CASE("a template from another system's editor gives the same unit") {
    Units site;
    site.add("vol-@escvar{res}.mount", "\xef\xbb\xbf[Mount]\r\nWhat=/dev/mars/@{res}\r\nWhere=/vol/@{res}\r\n");
    site.succeed({"set-systemd-unit", "r", "vol-r.mount"});
    auto unit = site.hand->storage().read_file("/run/systemd/system/vol-r.mount", 4096);
    REQUIRE(unit);
    CHECK(unit->find('\r') == std::string::npos);
    CHECK(unit->find("\xef") == std::string::npos);
}

TEST_CASE("without templates' directories, or when systemd is the caller, units are left alone") {
    Units site;
    site.fake.is_caller = true;
    site.succeed({"set-systemd-unit", "r", "app-r.service", "vol-r.mount"});
    CHECK(site.fake.log.empty());
    site.succeed({"systemd-trigger"});
    CHECK(site.fake.log.empty());
    CHECK(site.exists("userspace/systemd-trigger"));
    CHECK_FALSE(site.exists("resource-r/systemd-want/x"));
    site.succeed({"systemd-trigger-extern"});
    CHECK(site.exists_unit("app-r.service"));
    site.fake.is_caller = false;
    site.fake.log.clear();
    site.succeed({"--systemd-enable=0", "systemd-trigger"});
    CHECK(site.fake.log.empty());
}

TEST_CASE("primary stops the application over there, and starts it here") {
    Units site;
    site.configure("b");
    site.open("b", true);
    site.b_follows(true);
    site.succeed({"primary", "r"});
    CHECK(site.r("primary") == "a");
    CHECK(site.r("systemd-want") == "a");
    CHECK(site.r("actual-a/open-count") == "1");
    CHECK(site.fake.active.contains("app-r.service"));
    CHECK(site.r("userspace/systemd-status-start-a") == "0");
}

TEST_CASE("an application that does not stop stays where it is, and the verb tells who holds the device") {
    Units site;
    site.configure("b");
    site.open("b", true);
    site.b_follows(false);
    auto result = site.run({"primary", "r"});
    CHECK(result.exit == 1);
    CHECK(site.r("primary") == "b");
    CHECK(site.r("systemd-want") == "b");
    CHECK_THAT(site.errors(), Catch::Contains("sleep (pid 417) in /vol/r") && Catch::Contains("vol-r.mount") &&
                                  Catch::Contains("[unit.stop]"));
    CHECK(site.fake.active.empty());
}

TEST_CASE("nobody at the old primary reacts: after the timeout everything is as before") {
    Units site;
    site.configure("b");
    site.open("b", true);
    site.both_obey();
    CHECK(site.run({"--timeout=20", "primary", "r"}).exit == 1);
    CHECK(site.r("primary") == "b");
    CHECK(site.r("systemd-want") == "b");
}

TEST_CASE("data that does not arrive in time brings the application back to the old primary") {
    Units site;
    site.configure("b");
    site.set("resource-r/replay-b", "log-000000003-b,4097,0", 0s);
    site.b_follows(true);
    CHECK(site.run({"--timeout=20", "primary", "r"}).exit == 3);
    CHECK(site.r("primary") == "b");
    CHECK(site.r("systemd-want") == "b");
}

TEST_CASE("an interrupted primary gives the application back, in each phase in which the old primary has its role") {
    for (const bool waits_for_data : {false, true}) {
        Units site;
        site.configure("b");
        site.open("b", true);
        if (waits_for_data) site.set("resource-r/replay-b", "log-000000003-b,4097,0", 0s);
        int ticks = 0;
        site.on_tick = [&] {
            site.obey("a");
            site.obey("b");
            if (waits_for_data && site.r("systemd-want") == "a") site.open("b", false);
            if (site.r("systemd-want") == "a" && ++ticks == 50) site.interrupt();
        };
        CHECK(site.run({"primary", "r"}).exit == 6);
        INFO(site.errors());
        CHECK_THAT(site.errors(), Catch::Contains(waits_for_data ? "in phase 4" : "in phase 3") &&
                                      Catch::Contains("[verb.interrupted]"));
        CHECK_THAT(site.output.text(Severity::warning),
                   Catch::Contains("host b stays primary, its application is wanted there"));
        CHECK(site.r("primary") == "b");
        CHECK(site.r("systemd-want") == "b");
    }
}

TEST_CASE("what was wanted before is wanted again, and what somebody else wants meanwhile is left alone") {
    for (const std::string other : {"", "c"}) {
        Units site;
        site.configure("(none)");
        site.open("b", true);
        site.on_tick = [&] {
            site.obey("a");
            site.obey("b");
            if (!other.empty() && site.r("systemd-want") == "a") site.set("resource-r/systemd-want", other, 0s);
        };
        CHECK(site.run({"--timeout=4", "primary", "r"}).exit == 1);
        CHECK(site.r("systemd-want") == (other.empty() ? "(none)" : other));
        CHECK(site.r("primary") == "b");
    }
}

TEST_CASE("the wish follows whoever wins the role") {
    Units site;
    site.configure("b");
    site.open("b", true);
    SECTION("this host: what a rival has wanted meanwhile is overwritten, with the role") {
        site.b_follows(true);
        auto follow = site.on_tick;
        bool is_wanted = false;
        site.on_tick = [&] {
            follow();
            if (site.r("primary") != "(none)" || std::exchange(is_wanted, true)) return;
            site.set("resource-r/systemd-want", "c", 0s);
        };
        site.succeed({"primary", "r"});
        CHECK(is_wanted);
        CHECK(site.r("systemd-want") == "a");
        CHECK(site.stamp("resource-r/systemd-want") == site.stamp("resource-r/primary"));
        CHECK(site.fake.active.contains("app-r.service"));
    }
    SECTION("another one: what this host has wanted is taken back, in whatever phase it learns of that") {
        site.set("resource-r/device-c", "r");
        const std::string when = GENERATE("b", "(none)", "a");
        bool is_taken = false;
        site.on_tick = [&] {
            if (is_taken) return;
            if (when != "a") site.obey("a");
            site.obey("b");
            if (site.r("systemd-want") != "a" || site.r("primary") != when) {
                if (site.r("systemd-want") == "a") site.open("b", false);
                return;
            }
            is_taken = true;
            site.set("resource-r/primary", "c", 0s);
        };
        INFO("taken when primary is " << when);
        const auto result = site.run({"primary", "r"});
        INFO(site.errors());
        CHECK(is_taken);
        CHECK(result.exit == 1);
        CHECK_THAT(site.errors(), Catch::Contains("[role.lost]"));
        CHECK(site.r("primary") == "c");
        CHECK(site.r("systemd-want") == "c");
    }
    SECTION("this host: a rival that gives up wants the application at the old primary, where it keeps the device") {
        bool is_wanted = false;
        site.on_tick = [&] {
            site.obey("a");
            if (!is_wanted) site.open("b", false);
            if (site.r("primary") == "(none)" && !std::exchange(is_wanted, true)) {
                site.open("b", true);
                site.set("resource-r/systemd-want", "b", 0s);
            }
            if (is_wanted && site.r("systemd-want") != "b") site.open("b", false);
            site.obey("b");
        };
        site.succeed({"primary", "r"});
        CHECK(is_wanted);
        CHECK(site.r("systemd-want") == "a");
    }
    SECTION("another one, while the application is being started here") {
        site.set("resource-r/device-c", "r");
        site.b_follows(true);
        auto follow = site.on_tick;
        site.fake.on_job = [] {};
        site.on_tick = [&] {
            follow();
            if (site.fake.active.contains("app-r.service") && site.r("primary") == "a")
                site.set("resource-r/primary", "c", 0s);
        };
        CHECK(site.run({"primary", "r"}).exit == 1);
        CHECK_THAT(site.errors(), Catch::Contains("[role.lost]"));
        CHECK(site.r("systemd-want") == "c");
    }
}

TEST_CASE("primary on the primary renews no wish") {
    Units site;
    site.both_obey();
    site.configure("a");
    site.set("resource-r/primary", "a");
    site.succeed({"primary", "r"});
    const auto stamp = site.stamp("resource-r/systemd-want");
    site.succeed({"primary", "r"});
    CHECK(site.stamp("resource-r/systemd-want") == stamp);
    site.set("resource-r/systemd-want", "(none)", 0s);
    site.succeed({"primary", "r"}); // but where it is not wanted, it is started
    CHECK(site.r("systemd-want") == "a");
}

TEST_CASE("the application of a move that failed goes back to the primary, not to a rival") {
    Units site;
    site.set("ips/ip-c", "10.0.0.3");
    site.configure("c"); // c has begun a move of its own
    site.open("b", true);
    site.both_obey();
    CHECK(site.run({"--timeout=20", "primary", "r"}).exit == 1);
    CHECK(site.r("primary") == "b");
    CHECK(site.r("systemd-want") == "b");
}

TEST_CASE("only an answer tells that the application has ended") {
    Units site;
    site.configure("b"); // its device is open, but that has not arrived
    site.both_obey();
    site.beating.erase("b");
    CHECK(site.run({"--timeout=20", "primary", "r"}).exit == 3);
    CHECK_THAT(site.errors(), Catch::Contains("host b has not answered") && Catch::Contains("[wait.phase]"));
    CHECK_THAT(site.output.text(Severity::info), !Catch::Contains("the application has ended"));
    CHECK(site.r("primary") == "b");
    CHECK(site.r("systemd-want") == "b");
}

TEST_CASE("an interrupted secondary gives the application back") {
    Units site;
    site.configure("b");
    site.open("b", true);
    int ticks = 0;
    site.on_tick = [&] {
        if (site.r("systemd-want") == "(none)" && ++ticks == 50) site.interrupt();
    };
    CHECK(site.run({"secondary", "r"}).exit == 6);
    CHECK(site.r("primary") == "b");
    CHECK(site.r("systemd-want") == "b");
}

TEST_CASE("applications of several resources are waited for at the same time") {
    Units site;
    site.configure("b");
    site.copy_resource("r", "s");
    site.open("b", true);
    site.set("resource-s/actual-b/open-count", "1", 0s);
    const auto begin = site.machine.real_time();
    site.on_tick = [&] { site.obey("a"); };
    CHECK(site.run({"--timeout=60", "primary", "all"}).exit == 1);
    CHECK(site.machine.real_time() < begin + 100s);
    CHECK(site.r("systemd-want") == "b");
    CHECK(site.get("resource-s/systemd-want") == "b");
    CHECK_THAT(site.errors(), Catch::Contains("resource r: ") && Catch::Contains("resource s: "));
}

TEST_CASE("a start that fails is reported; with --no-return the host stays primary") {
    Units site;
    site.configure("b");
    site.b_follows(true);
    site.fake.failing = {"app-r.service"};
    CHECK(site.run({"primary", "r", "--no-return"}).exit == 1);
    CHECK(site.r("primary") == "a");
    CHECK(site.fake.count("start app-r.service") == 5);
    CHECK(site.r("userspace/systemd-status-start-a") == "1");
}

TEST_CASE("the trigger starts what is wanted here and stops what is not, and publishes how that went") {
    Units site;
    site.configure("a");
    site.set("resource-r/primary", "a");
    site.both_obey();
    site.set("resource-r/actual-a/if-on", "1", 0s);
    site.succeed({"systemd-trigger-extern", "r"});
    CHECK(site.fake.active.contains("app-r.service"));
    site.fake.active.insert("vol-r.mount");
    site.fake.log.clear();
    site.succeed({"systemd-trigger-extern", "r"});
    CHECK(site.fake.count("start app-r.service") == 0);

    site.set("resource-r/systemd-want", "b", 0s);
    site.fake.failing = {"vol-r.mount"};
    site.fake.users = {"mounted on /vol/r", "sleep (pid 4) in /vol/r"};
    CHECK(site.run({"systemd-trigger-extern", "r"}).exit == 1);
    CHECK(site.fake.count("stop vol-r.mount") == 5);
    CHECK(site.r("userspace/systemd-status-stop-a") == "1");
    CHECK(site.r("userspace/systemd-users-a") == "mounted on /vol/r; sleep (pid 4) in /vol/r");

    site.fake.failing.clear();
    site.fake.on_job = [&] {
        site.fake.active.clear();
        site.open("a", false);
    };
    site.succeed({"systemd-trigger-extern", "r"});
    CHECK(site.r("userspace/systemd-status-stop-a") == "0");
    CHECK(site.r("userspace/systemd-users-a") == "(none)");
}

TEST_CASE("a unit that is disabled is not started; a device that is not there starts nothing") {
    Units site;
    site.configure("a");
    site.set("resource-r/primary", "a");
    site.both_obey();
    site.set("resource-r/actual-a/if-on", "1", 0s);
    site.fake.disabled = {"app-r.service"};
    site.succeed({"systemd-trigger-extern", "r"});
    CHECK(site.fake.active.empty());
    site.fake.disabled.clear();
    site.set("resource-r/primary", "b", 0s);
    site.set("resource-r/actual-a/if-on", "0", 0s);
    site.on_tick = nullptr;
    site.succeed({"systemd-trigger-extern", "r"});
    CHECK(site.fake.active.empty());
}

TEST_CASE("a dry run goes on as if the application had been stopped, and tells of it and of the units") {
    Units site;
    site.configure("a");
    site.set("resource-r/primary", "a");
    site.both_obey();
    site.set("resource-r/actual-a/if-on", "1", 0s);
    site.open("a", true);
    const auto verb = GENERATE("secondary", "detach", "down", "systemd-trigger");
    site.succeed({"--dry-run", verb, "r"});
    const auto said = site.output.text(Severity::info);
    const bool makes_units = std::string(verb) == "systemd-trigger";
    CHECK_THAT(said, Catch::Contains(makes_units ? "would make the units of host a anew" : "application") &&
                         Catch::Contains("would"));
    CHECK(site.fake.log.empty());
    CHECK(site.r("systemd-want") == "a");
}

TEST_CASE("a unit of ours that somebody has masked is left so, and nothing fails because of it") {
    Units site;
    site.configure("b");
    site.both_obey();
    site.fake.files["mars-r-trigger.path"] = GENERATE("masked", "masked-runtime");
    site.add("mars-@escvar{res}-trigger.path", "# ALWAYS_START\n[Path]\nPathModified=/x\n");
    site.succeed({"systemd-trigger"});
    CHECK(site.exists_unit("mars-r-trigger.path"));
    CHECK(site.output.text(Severity::warning).find("unit mars-r-trigger.path is masked") != std::string::npos);
    CHECK(site.fake.count("start mars-r-trigger.path") == 0);
}

TEST_CASE("set-systemd-want refuses unknown hosts and resources without units") {
    Units site;
    site.both_obey();
    site.refuse({"set-systemd-want", "r", "b"}, "unit.none");
    site.configure("b");
    site.refuse({"set-systemd-want", "r", "nobody"}, "name.nohost");
    site.succeed({"set-systemd-want", "r", "(none)"});
    CHECK(site.r("systemd-want") == "(none)");
    site.succeed({"get-systemd-want", "r"});
    CHECK(site.output.text(Severity::answer) == "(none)\n");
}

TEST_CASE("units of a resource that was left are stopped and removed") {
    Units site;
    site.configure("b");
    site.both_obey();
    site.succeed({"systemd-trigger"});
    REQUIRE(site.exists_unit("vol-r.mount"));
    site.succeed({"down", "r"});
    site.fake.active.insert("vol-r.mount");
    site.succeed({"leave-resource", "r"});
    CHECK_FALSE(site.exists_unit("vol-r.mount"));
    CHECK(site.fake.count("stop vol-r.mount") == 1);
}

TEST_CASE("templates list, show and check tell what comes of them") {
    Units site;
    site.configure("b");
    site.succeed({"templates", "check"});
    site.succeed({"templates", "list"});
    CHECK_THAT(site.output.text(Severity::answer), Catch::Contains("-> /run/systemd/system/vol-r.mount"));
    site.succeed({"templates", "show", "vol-r.mount"});
    CHECK_THAT(site.output.text(Severity::answer), Catch::Contains("Where=/vol/r"));
    site.refuse({"templates", "show", "x.mount"}, "unit.template");
    site.refuse({"templates", "nonsense"}, "usage.arg");
    site.add("bad-@{res}.service", "[Serv]\nx\n");
    site.refuse({"templates", "check"}, "unit.template");
    CHECK_THAT(site.output.text(Severity::answer), Catch::Contains("bad-@{res}.service:2: error: expected KEY=VALUE"));
}

TEST_CASE("systemd-trigger renews nobody's wish: what is known of it here may be old") {
    Units site;
    site.configure("b");
    site.both_obey();
    const auto stamp = site.stamp("resource-r/systemd-want");
    site.succeed({"systemd-trigger"});
    site.succeed({"systemd-trigger", "r"});
    CHECK(site.stamp("resource-r/systemd-want") == stamp);
    CHECK(site.exists("resource-r/systemd-trigger"));
}
