// SPDX-License-Identifier: GPL-2.0-or-later
// view and help: what is printed, and where. The macros themselves have their own tests. Spec: verbs 4.38, 1.10.
#include "fixture.hpp"

#include "shell/terminal/help.hpp"
#include "shell/verbs/verb_table.hpp"

using namespace mars;
using namespace mars::shell;
using namespace mars::shell::testing;

TEST_CASE("view prints the answer of a macro, and nothing else, on stdout") {
    Pair site;
    site.succeed({"view-get-primary", "r"});
    CHECK(site.output.text(Severity::answer) == "b\n");
    CHECK(site.output.text(Severity::info).empty());
    site.succeed({"view-uuid"});
    CHECK(site.output.text(Severity::answer) == "a_1000.000000000\n");
}

TEST_CASE("plain view shows a line per resource") {
    Pair site;
    site.machine.filesystem().add_disk("/dev/vg/a", 1 << 20);
    site.succeed({"view", "r"});
    CHECK(site.output.text(Severity::answer).find("r [2/2] UpToDate Replaying") != std::string::npos);
    CHECK(site.output.text(Severity::answer).find("Secondary") != std::string::npos);
    CHECK(site.output.text(Severity::warning).find("heard of") == std::string::npos);
    site.succeed({"view", "all"});
    CHECK(site.output.text(Severity::answer).find("Secondary") != std::string::npos);
}

TEST_CASE("view takes its macro from the command line once") {
    Pair site;
    site.succeed({"view", "r", "--macro=res=%{res}\\nhost=%{host}"});
    CHECK(site.output.text(Severity::answer) == "res=r\nhost=a\n");
}

TEST_CASE("an unknown macro or resource is refused") {
    Pair site;
    site.refuse({"view-no-such-macro", "r"}, "view.macro");
    CHECK(site.output.text(Severity::error).find("; all macros: marsadm macro list") != std::string::npos);
    site.refuse({"view-diskstat", "r"}, "view.macro");
    CHECK(site.output.text(Severity::error).find("did you mean 'diskstate'? All macros") != std::string::npos);
    site.refuse({"view", "unknown"}, "res.missing");
    site.refuse({"view", "r", "--root=/nowhere", "--host=b"}, "sys.noroot-dir");
}

TEST_CASE("view works for ordinary users and without a cluster, with a warning") {
    Site site;
    site.local.root = false;
    site.succeed({"view"});
    CHECK(site.output.text(Severity::warning).find("belongs to no cluster") != std::string::npos);
}

TEST_CASE("view warns of hosts that are silent") {
    Pair site;
    site.beating.erase("b");
    site.world.run_for(10min);
    site.alive({"a"});
    site.succeed({"view", "r"});
    CHECK(site.output.text(Severity::warning).find("nothing is heard of host b") != std::string::npos);
}

TEST_CASE("nothing is called UpToDate without its age when the primary is not heard of") {
    Pair site;
    site.machine.filesystem().add_disk("/dev/vg/a", 1 << 20);
    site.beating.erase("b");
    site.world.run_for(42s);
    site.alive({"a"});
    for (const char* macro : {"view-diskstate", "view-diskstate-1and1", "view-replstate", "view"}) {
        site.succeed({macro, "r"});
        INFO(macro);
        CHECK(site.output.text(Severity::answer).find("[no news of b for 4") != std::string::npos);
        CHECK(site.output.text(Severity::answer).find("; data as of ") != std::string::npos);
    }
    site.succeed({"view", "r", "--json"});
    const auto text = site.output.text(Severity::answer);
    CHECK(text.find("\"diskstate\": \"UpToDate[no news of b for 4") != std::string::npos);
    for (const char* unknown : {"data_lag_bytes", "time_lag_seconds", "replay_lag_seconds", "fetch_lag_seconds"}) {
        INFO(unknown);
        CHECK(text.find("\"" + std::string(unknown) + "\": null") != std::string::npos);
    }
    CHECK(text.find("\"lag_reason\": \"no news of b for 4") != std::string::npos);
    site.succeed({"view-diskstate", "r", "--compat=0.1a"});
    CHECK(site.output.text(Severity::answer) == "UpToDate\n");
    site.refuse({"wait-resource", "r", "UpToDate", "--timeout=3"}, "wait.indicator"); // nobody knows
}

TEST_CASE("a primary does not replicate to members that it does not hear of, and names them") {
    Pair site;
    site.machine.filesystem().add_disk("/dev/vg/a", 1 << 20);
    site.set("resource-r/primary", "a");
    site.set("resource-r/actual-a/is-primary", "1");
    site.set("resource-r/actual-b/is-primary", "0");
    site.succeed({"view-replstate", "r"});
    CHECK(site.output.text(Severity::answer) == "Replicating\n");
    site.beating.erase("b");
    site.world.run_for(42s);
    site.alive({"a"});
    site.set(
        "resource-r/version-000000003-a",
        "0123456789abcdef0123456789abcdef,log-000000003-b,1052672:19daf2d1dbd4aba87d78e6a0c210666e,log-000000002-b,"
        "8192",
        0s);
    site.succeed({"view-replstate", "r"});
    CHECK(site.output.text(Severity::answer) == "SecondaryUnreachable\n");
    site.succeed({"view", "r"});
    CHECK(site.output.text(Severity::answer).find("\n     Silence: no news of b for 4") != std::string::npos);
    CHECK(site.output.text(Severity::answer).find("; since then 1.0 MiB behind at most\n") != std::string::npos);
    site.succeed({"view", "r", "--json"});
    CHECK(site.output.text(Severity::answer).find("\"silent_members\": [\"b\"]") != std::string::npos);
}

TEST_CASE("an idle cluster that is level has no lag") {
    Pair site;
    site.set("resource-r/replay-a", "log-000000003-b,4096,0", 3s); // told after that of the primary
    site.set("resource-r/replay-b", "log-000000003-b,4096,0", 5s);
    for (const char* lag : {"view-replay-lag", "view-data-lag", "view-time-lag"}) {
        site.succeed({lag, "r"});
        CHECK(site.output.text(Severity::answer) == "0\n");
    }
}

TEST_CASE("the variable cmd is the name of the macro, also in the frame of a list") {
    Pair site;
    site.macro_path = {"/srv"};
    REQUIRE(site.hand->storage().write_file("/srv/me.tpl", "%{cmd} %{0}"));
    REQUIRE(site.hand->storage().write_file("/srv/me-footer.tpl", "%{cmd} %{0}"));
    site.succeed({"view-me", "r"});
    CHECK(site.output.text(Severity::answer) == "me me\n");
    site.succeed({"viewme"});
    CHECK(site.output.text(Severity::answer) == "me me\n");
    site.succeed({"view-me", "all"});
    CHECK(site.output.text(Severity::answer).ends_with("me me\nme me-footer\n"));
    site.succeed({"view", "--macro=%{cmd}"});
    CHECK(site.output.text(Severity::answer) == "default\n");
}

TEST_CASE("a failed view says so on stdout, too, as scripts expect") {
    Pair site;
    site.refuse({"view-role", "r", "--macro=%die{no}"}, "view.macro");
    CHECK(site.output.text(Severity::answer) == "FAILURE cmd='view-role' res='r'\n");
}

TEST_CASE("--compat=0.1a brings the former behaviour back") {
    Pair site;
    site.succeed({"view", "--macro=%min{3}{5}"});
    CHECK(site.output.text(Severity::answer) == "3\n");
    site.succeed({"view", "--macro=%min{3}{5}", "--compat=0.1a"});
    CHECK(site.output.text(Severity::answer) == "5\n");
    CHECK(site.run({"view", "--compat=0.2"}).exit == 2);
}

TEST_CASE("--now freezes the clock of macros") {
    Pair site;
    site.succeed({"view-time", "--now=1650000010.5"});
    CHECK(site.output.text(Severity::answer) == "1650000010.500000000\n");
    site.succeed({"view-real-time", "--now=1650000010"});
    CHECK(site.output.text(Severity::answer) == "1650000010\n");
    CHECK(site.run({"view", "--now=yesterday"}).exit == 2);
}

TEST_CASE("a copy of a tree can be viewed for any host and moment, without marsd") {
    Pair site;
    auto& storage = site.hand->storage();
    auto now = site.machine.real_time().text();
    site.machine.filesystem().add_disk("/dev/vg/b", 1 << 20);
    REQUIRE(storage.make_directory("/srv/copy"));
    for (const std::string directory : {"ips", "actual-b", "resource-r", "resource-r/todo-b", "resource-r/actual-b"})
        REQUIRE(storage.make_directory("/srv/copy/" + directory));
    for (const std::string path :
         {"uuid", "ips/ip-b", "actual-b/time", "actual-b/alive", "resource-r/primary", "resource-r/size",
          "resource-r/data-b", "resource-r/device-b", "resource-r/actsize-b", "resource-r/replay-b",
          "resource-r/syncstatus-b", "resource-r/todo-b/attach", "resource-r/actual-b/is-attached",
          "resource-r/actual-b/is-primary", "resource-r/actual-b/if-on"}) {
        auto link = storage.read_symlink("/mars/" + path);
        REQUIRE(link);
        auto copy = "/srv/copy/" + path;
        REQUIRE(storage.write_symlink(copy, copy.substr(0, copy.rfind('/')) + "/.tmp", link->value, link->mtime));
    }
    site.beating.clear();
    site.world.run_for(24h);
    Words words{"view-replstate", "r", "--root=/srv/copy", "--host=b"};
    site.succeed(words);
    CHECK(site.output.text(Severity::answer) == "UnResponsive\n");
    words.push_back("--now=" + now);
    site.succeed(words);
    CHECK(site.output.text(Severity::answer) == "Replicating\n");
    for (const char* live : {"marsd does not run", "nothing is heard"})
        CHECK(site.output.text(Severity::warning).find(live) == std::string::npos);
    site.succeed({"view", "r", "--root=/srv/copy", "--host=b", "--now=" + now,
                  "--macro=%{mars} %readlink{/mars/uuid} %get-glob{/srv/copy/ips/*}{}{,}"});
    CHECK(site.output.text(Severity::answer) == "/srv/copy a_1000.000000000 /srv/copy/ips/ip-b\n");
}

TEST_CASE("view --json gives objects, for lists in an array") {
    Pair site;
    site.succeed({"view", "r", "--json"});
    auto text = site.output.text(Severity::answer);
    CHECK(text.starts_with("{\n  \"resource\": \"r\",\n  \"host\": \"a\",\n"));
    CHECK(text.find("\"sync_rest_bytes\": 0") != std::string::npos);
    CHECK(text.find("\"replstate\": \"Replaying\"") != std::string::npos);
    site.succeed({"view", "all", "--json"});
    text = site.output.text(Severity::answer);
    CHECK(text.starts_with("[\n{\n  \"resource\": \"r\""));
    CHECK(text.ends_with("}\n]\n"));
    site.succeed({"view-get-primary", "r", "--json"});
    CHECK(site.output.text(Severity::answer) ==
          "{\n  \"resource\": \"r\",\n  \"host\": \"a\",\n  \"get_primary\": \"b\"\n}\n");
    site.succeed({"view-replstate", "r", "--json"});
    CHECK(site.output.text(Severity::answer).find("  \"replstate\": \"Replaying\"\n}") != std::string::npos);
    site.refuse({"view-nosuch", "r", "--json"}, "view.macro");
    site.refuse({"view-role", "r", "--json", "--macro=%die{no}"}, "view.macro");
    CHECK(site.output.text(Severity::answer).find("\"role\": null") != std::string::npos);
    CHECK(site.output.text(Severity::error).find("no\n  at --macro:1:1") != std::string::npos);
    site.succeed({"view", "r", "--json", "--macro=%{res}"});
    CHECK(site.output.text(Severity::answer).find("\"default\": \"r\"") != std::string::npos);
    site.succeed({"view", "r", "--json", "--host=b", "--compat=0.1a"});
    CHECK(site.output.text(Severity::answer).starts_with("{"));
}

TEST_CASE("state words are coloured for those who like it") {
    Pair site;
    site.output.colours = true;
    site.succeed({"view-replstate", "r"});
    CHECK(site.output.text(Severity::answer) == "\x1b[32mReplaying\x1b[0m\n");
    site.succeed({"view", "r", "--json"});
    CHECK(site.output.text(Severity::answer).find('\x1b') == std::string::npos);
}

TEST_CASE("macros may sleep and wait, within the timeout or without one") {
    Pair site;
    auto before = site.machine.real_time();
    site.succeed({"view", "r", "--macro=%sleep{7}slept"});
    CHECK(site.output.text(Severity::answer) == "slept\n");
    CHECK(site.machine.real_time() - before >= 7s);
    for (const std::string timeout : {"--timeout=60", "--timeout=-1"}) {
        site.set("resource-r/actual-a/is-syncing", "0", 0s);
        int ticks = 0;
        site.on_tick = [&] {
            if (++ticks == 50) site.set("resource-r/actual-a/is-syncing", "1", 0s);
        };
        site.succeed({"view-wait-is-sync-on", "r", timeout});
        auto text = site.output.text(Severity::answer);
        CHECK(text.find("until actual 'is-syncing' == '1'...") != std::string::npos);
        CHECK(text.ends_with("OK at a: '/mars/resource-r/actual-a/is-syncing' has acceptable value '1'\n"));
        site.on_tick = nullptr;
    }
    site.refuse({"view-wait-is-sync-off", "r", "--timeout=3"}, "view.macro");
    CHECK(site.output.text(Severity::error).find("Timeout reached.") != std::string::npos);
}

TEST_CASE("%setlink makes its link when macro run finishes, and only in the tree") {
    Pair site;
    const std::string text = "--macro=%setlink{val}{/mars/userspace/xyz}[%readlink{/mars/userspace/xyz}]";
    site.succeed({"macro", "run", "x", text, "--dry-run"});
    CHECK(site.get("userspace/xyz") == "");
    site.succeed({"macro", "run", "x", "r", text});
    CHECK(site.output.text(Severity::answer) == "[]\n");
    CHECK(site.get("userspace/xyz") == "val");
    site.refuse({"macro", "run", "x", "--macro=%setlink{val}{/etc/xyz}"}, "view.macro");
    site.refuse({"macro", "run", "x", "--macro=%setlink{val}{/mars/../etc/xyz}"}, "sys.io");
    site.refuse({"macro", "run", "no-such-macro"}, "view.macro");
    site.refuse({"macro", "run", "default", "no-such-resource"}, "res.missing");
}

TEST_CASE("whoever only looks writes nothing: %setlink names itself and the verb that may") {
    Pair site;
    site.macro_path = {"/srv"};
    REQUIRE(site.hand->storage().write_file("/srv/default.tpl", "fine%setlink{hostX}{/mars/resource-r/primary}"));
    REQUIRE(site.hand->storage().write_file("/srv/evil.tpl", "%setlink{hostX}{/mars/resource-r/primary}"));
    const auto primary = site.get("resource-r/primary");
    for (const auto& words : std::vector<std::vector<std::string>>{{"view", "r"},
                                                                   {"view", "all"},
                                                                   {"view-evil", "r", "--json"},
                                                                   {"view-evil"},
                                                                   {"macro", "trace", "default", "r"}}) {
        site.refuse(words, "view.macro");
        CHECK(site.get("resource-r/primary") == primary);
    }
    site.refuse({"view-default", "r"}, "view.macro");
    const auto why = site.output.text(Severity::error);
    CHECK(why.find("%setlink is refused: it would set /mars/resource-r/primary") != std::string::npos);
    CHECK(why.find("next: marsadm macro run default r") != std::string::npos);
    CHECK(why.find("/srv/default.tpl:1:5") != std::string::npos);
}

TEST_CASE("view --watch redraws what changed until it is interrupted") {
    Pair site;
    site.output.colours = true;
    int ticks = 0;
    site.on_tick = [&] {
        ++ticks;
        if (ticks == 30) site.set("resource-r/actual-a/is-syncing", "1", 0s);
        if (ticks == 60) site.interrupt();
    };
    CHECK(site.run({"view-replstate", "r", "--watch"}).exit == 0); // that is how one leaves it
    auto text = site.output.text(Severity::answer);
    CHECK(text.starts_with("\x1b[H\x1b[2J\x1b[32mReplaying\x1b[0m\n"));
    CHECK(text.find("\x1b[H\x1b[2J\x1b[7mSyncing\x1b[0m\n") != std::string::npos);
}

TEST_CASE("help and version need nothing") {
    Site site;
    site.local.root = false;
    site.succeed({"help"});
    CHECK(site.output.text(Severity::answer) == overview(0, built_in_verbs()));
    site.succeed({"help", "primary"});
    CHECK(site.output.text(Severity::answer).find("planned handover") != std::string::npos);
    site.succeed({"primary", "--help"});
    CHECK(site.output.text(Severity::answer).find("planned handover") != std::string::npos);
    site.succeed({"--version"});
    CHECK(site.output.text(Severity::answer).starts_with("marsadm "));
    CHECK(site.run({"help", "primry"}).exit == 2);
    CHECK(site.output.text(Severity::error).find("did you mean 'primary'?") != std::string::npos);
}

TEST_CASE("view and --json say what became of a handover, and of an application, and what to do next") {
    Pair site;
    site.machine.filesystem().add_disk("/dev/vg/a", 1 << 20);
    const auto shown = [&](Words words) {
        site.succeed(words);
        return site.output.text(Severity::answer);
    };
    const auto has = [](const std::string& text, const std::string& part) {
        INFO(text);
        CHECK(text.find(part) != std::string::npos);
    };
    CHECK(shown({"view", "r"}).find("andover") == std::string::npos);
    has(shown({"view", "r", "--json"}), "\"handover_state\": null,\n  \"handover_text\": null,\n");
    site.set("resource-r/primary", "(none)", 0s);
    site.set("resource-r/userspace/handover-b", "b,5,abandoned", 1min);
    auto text = shown({"view", "r"});
    has(text, "UpToDate HandoverUnfinished");
    has(text, "     Handover: a handover to b was not finished (phase 5); next: marsadm primary r on b\n");
    has(shown({"view", "r", "--host=b"}), " HandoverUnfinished ");
    text = shown({"view", "r", "--json"});
    has(text, "\"handover_state\": \"HandoverUnfinished\"");
    has(text, "\"handover_text\": \"a handover to b was not finished (phase 5); next: marsadm primary r on b\"");
    site.set("resource-r/userspace/handover-b", "b,5,17.4711.0123abcd", 12s);
    has(shown({"view", "r"}), "     Handover: a handover to b is under way (phase 5, since 12 s)\n");
    site.set("resource-r/userspace/handover-b", ".deleted", 0s);
    site.set("resource-r/primary", "b", 0s);
    site.set("resource-r/systemd-start-unit", "db.service");
    site.set("resource-r/systemd-want", "b");
    text = shown({"view", "r"});
    has(text, "UpToDate WantedNotRunning");
    has(text, "     Application: the application is wanted on b, but nothing there has the device open; next: "
              "systemctl status db.service on b, then marsadm systemd-trigger r there\n");
    has(shown({"view", "r", "--json"}), "\"application_state\": \"WantedNotRunning\"");
    site.set("resource-r/actual-b/open-count", "1", 0s);
    has(shown({"view", "r"}), "UpToDate Replaying");
}

TEST_CASE("view says why there is no device yet, from the first moment on") {
    Pair site;
    site.set("resource-r/primary", "a", 1min);
    const auto said = [&](const std::string& text) { return site.machine.real_time().text() + " 1.000000000 " + text; };
    const auto warnings = [&] {
        site.succeed({"view", "r"});
        return site.output.text(Severity::warning);
    };
    SECTION("the own log is damaged, and being repaired") {
        site.set("resource-r/actual-a/msg-err-replay-stop", said("log-000000003-b is damaged at byte 2048"), 0s);
        CHECK(warnings().find("resource r on host a: log-000000003-b is damaged at byte 2048") != std::string::npos);
    }
    SECTION("replay has stopped") {
        site.set("resource-r/actual-a/replay-code", "-74", 0s);
        site.set("resource-r/actual-a/msg-err-replay-stop", said("log-000000003-b stops"), 0s);
        CHECK(warnings().find("replay-code = -74: log-000000003-b stops") != std::string::npos);
    }
    SECTION("members must hear of it first, for however long") {
        site.set("resource-r/actual-a/msg-inf-primary-wait", said("before the device appears, b must know"), 0s);
        site.world.run_for(5min);
        site.alive({"a", "b"});
        CHECK(warnings().find("before the device appears, b must know") != std::string::npos);
    }
}
