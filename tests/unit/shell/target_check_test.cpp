// SPDX-License-Identifier: GPL-2.0-or-later
// Before an application is stopped at the old primary, everything that it needs is there at the new one; else nothing
// changes.
#include "shell/systemd/target_check.hpp"
#include "tests/unit/shell/units_fixture.hpp"

using namespace mars;
using namespace mars::shell;
using namespace mars::shell::testing;
using systemd::PathKind;

namespace {

struct Target : Units {
    Target() {
        configure("b");
        open("b", true);
        b_follows(true);
        auto& app = fake.needs_of["app-r.service"];
        app.units = {"vol-r.mount", "sysinit.target", "dev-x.device"};
        app.programs = {"/opt/app/run", "/vol/r/bin/prepare"};
        app.files = {"/etc/app.env"};
        app.directory = "/var/lib/app";
        app.user = app.group = "app";
        fake.needs_of["vol-r.mount"].mount_point = "/vol/r";
        fake.needs_of["vol-r.mount"].filesystem = "ext4";
    }
    // Refused for this one reason, and nothing was changed anywhere.
    void expect(const std::string& unit, const std::string& found) {
        refuse({"primary", "r"}, "unit.target");
        CHECK_THAT(errors(), Catch::Contains("resource r: ") && Catch::Contains("host a") && Catch::Contains(unit) &&
                                 Catch::Contains(found) && Catch::Contains("next"));
        CHECK(r("actual-b/open-count") == "1");
        CHECK(fake.active.empty());
        CHECK(errors().find("; unit ") == std::string::npos);
    }
};

} // namespace

TEST_CASE("a target that has everything is handed the application") {
    Target site;
    site.fake.facts.programs["/vol/r/bin/prepare"] = PathKind::missing; // comes with the mount
    site.succeed({"primary", "r"});
    CHECK(site.exists_unit("app-r.service"));
    CHECK(site.r("actual-a/open-count") == "1");
}

TEST_CASE("a unit that the target does not have keeps the application where it is") {
    Target site;
    SECTION("its template is missing there") {
        REQUIRE(site.hand->storage().remove("/etc/marsadm/systemd-templates/app-^{n}.service"));
        site.fake.known.erase("app-r.service");
        site.expect("app-r.service", "cannot find any systemd template");
    }
    SECTION("its template cannot be expanded, and what was made of an older one is left") {
        site.succeed({"systemd-trigger"});
        site.add("app-^{n}.service", "[Service]\nExecStart=@eval{%nonsense{}}\n");
        site.expect("app-r.service", "cannot be made anew");
    }
    SECTION("one that it requires") {
        site.fake.needs_of["app-r.service"].units.emplace_back("other.service");
        site.expect("other.service", "does not exist");
    }
    SECTION("the one to be stopped") {
        site.fake.needs_of["app-r.service"].units.clear();
        site.fake.known.erase("vol-r.mount");
        site.expect("vol-r.mount", "does not exist");
    }
    SECTION("systemd cannot read it") {
        site.fake.needs_of["app-r.service"].load = "bad-setting";
        site.fake.needs_of["app-r.service"].load_error = "Unit has no ExecStart=";
        site.expect("app-r.service", "bad-setting, expected loaded: Unit has no ExecStart=");
    }
    SECTION("disabled") {
        site.fake.disabled = {"app-r.service"};
        site.expect("app-r.service", "is disabled");
    }
    SECTION("masked") {
        site.fake.needs_of["vol-r.mount"].load = "masked";
        site.expect("vol-r.mount", "is masked");
    }
}

TEST_CASE("what a unit needs is looked for at the target") {
    Target site;
    auto& facts = site.fake.facts;
    SECTION("program") {
        facts.programs["/opt/app/run"] = GENERATE(PathKind::missing, PathKind::file, PathKind::no_interpreter);
        site.expect("app-r.service", "expected a program at /opt/app/run");
    }
    SECTION("program without a path") {
        site.fake.needs_of["app-r.service"].programs = {"run"};
        for (const char* directory : {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin"})
            facts.programs[directory + std::string("/run")] = PathKind::missing;
        site.fake.facts.programs["/bin/run"] = PathKind::missing;
        site.expect("app-r.service", "expected a program at run");
    }
    SECTION("file") {
        facts.programs["/etc/app.env"] = PathKind::missing;
        site.expect("app-r.service", "expected its EnvironmentFile= /etc/app.env");
    }
    SECTION("directory") {
        facts.places["/var/lib/app"] = PathKind::missing;
        site.expect("app-r.service", "expected its WorkingDirectory= /var/lib/app");
    }
    SECTION("user") {
        facts.unknown_users = {"app"};
        site.expect("app-r.service", "expected a user app");
    }
    SECTION("group") {
        facts.unknown_groups = {"app"};
        site.expect("app-r.service", "expected a group app");
    }
    SECTION("mount point") {
        facts.places["/vol/r"] = GENERATE(PathKind::file, PathKind::blocked, PathKind::linked, PathKind::mounted);
        site.expect("vol-r.mount", "as mount point /vol/r, found");
    }
}

TEST_CASE("a target where no units are made at all is not handed an application") {
    Target site;
    REQUIRE(site.hand->storage().remove_directory("/run/systemd/system"));
    site.expect("app-r.service", "expected a directory /run/systemd/system");
}

TEST_CASE("a mount point with files in it, and a filesystem that nobody knows, are worth a warning") {
    Target site;
    site.fake.facts.places["/vol/r"] = PathKind::used_directory;
    site.fake.facts.unknown_filesystems = {"ext4"};
    site.succeed({"primary", "r"});
    CHECK_THAT(site.output.text(Severity::warning), Catch::Contains("/vol/r is not empty") && Catch::Contains("ext4"));
}

TEST_CASE("of a unit that is not the resource's, only its existence counts") {
    Target site;
    site.fake.needs_of["app-r.service"].units.emplace_back("other.service");
    site.fake.known.insert("other.service");
    site.fake.needs_of["other.service"].programs = {"/opt/other/run"};
    site.fake.needs_of["other.service"].units = {"third.service"};
    site.fake.facts.programs["/opt/other/run"] = PathKind::missing;
    site.succeed({"primary", "r"});
}

TEST_CASE("a unit with a root of its own is not looked into") {
    Target site;
    site.fake.needs_of["app-r.service"].has_own_root = true;
    site.fake.facts.programs["/opt/app/run"] = PathKind::missing;
    site.succeed({"primary", "r"});
}

TEST_CASE("units that cannot be written to the target are not believed") {
    Target site;
    site.fake.can_write = false;
    site.refuse({"primary", "r"}, "unit.write");
    CHECK_THAT(site.errors(), Catch::Contains("/run/systemd/system/app-r.service is not there"));
}

TEST_CASE("a file where the device shall appear is found before the old primary is called off") {
    Target site;
    REQUIRE(site.hand->storage().make_directory("/dev/mars"));
    REQUIRE(site.hand->storage().write_file("/dev/mars/r", "x"));
    site.refuse({"primary", "r"}, "device.blocked");
    CHECK_THAT(site.errors(), Catch::Contains("/dev/mars/r") && Catch::Contains("next: remove it"));
}

TEST_CASE("without systemd's part nothing is looked for; set-systemd-want --force ignores what is missing") {
    Target site;
    site.fake.facts.programs["/opt/app/run"] = PathKind::missing;
    SECTION("primary --systemd-enable=0") {
        site.fake.active.clear();
        auto follow = site.on_tick;
        site.on_tick = [&] {
            follow();
            if (site.r("actual-a/if-on") == "1") site.open("a", true); // its path unit has seen the device
        };
        site.succeed({"primary", "r", "--systemd-enable=0"});
        CHECK(site.fake.log.empty());
    }
    SECTION("set-systemd-want") {
        site.refuse({"set-systemd-want", "r", "a"}, "unit.target");
        site.succeed({"set-systemd-want", "r", "a", "--force"});
        CHECK(site.r("systemd-want") == "a");
        CHECK_THAT(site.output.text(Severity::warning), Catch::Contains("ignored because of --force"));
    }
}

TEST_CASE("a dry run looks as well, and makes no units") {
    Target site;
    site.fake.known = {"vol-r.mount"}; // app-r.service would be made
    site.fake.facts.places["/vol/r"] = PathKind::file;
    site.refuse({"primary", "r", "--dry-run"}, "unit.target");
    CHECK_THAT(site.output.text(Severity::info), Catch::Contains("would generate /run/systemd/system/app-r.service"));
    CHECK(site.fake.log.empty());
}
