// SPDX-License-Identifier: GPL-2.0-or-later
// The table mars: every example of the reference runs and prints what it says; verbs as functions; hooks.
#include <fstream>
#include <sstream>

#include "lua/api.hpp"
#include "tests/unit/lua/fixture.hpp"

using namespace mars;
using namespace mars::lua;
using namespace mars::lua::testing;

TEST_CASE("every example of the Lua reference prints what it says") {
    for (const auto* row : api_functions()) {
        if (row->name == "sh") continue; // needs real processes: process_test.cpp
        INFO(row->name << ": " << row->example);
        CHECK_FALSE(row->doc.empty());
        CHECK_FALSE(row->example.empty());
        CHECK(row->usage.starts_with("mars." + std::string(row->name) + "("));
        LuaSite site;
        site.remote.answer = [](const auto&) { return shell::refusal("remote.ssh", "no ssh in this test"); };
        CHECK(site.prints(std::string(row->example)) == row->prints);
    }
}

TEST_CASE(
    "the reference and the man page are up to date (marsadm help-lua; marsadm help-lua man > docs/man/mars-lua.3)") {
    auto read = [](const std::string& path) {
        std::ifstream file(MARS_SOURCE_DIR "/docs/" + path);
        std::stringstream content;
        content << file.rdbuf();
        return content.str();
    };
    CHECK(read("lua.md").find(api_reference()) != std::string::npos);
    CHECK((read("man/mars-lua.3") == api_man_page()));
}

TEST_CASE("a verb is a function: positionals, options, results") {
    LuaSite site;
    site.both_obey();
    CHECK(site.prints("local r = mars.pause_fetch('r', {timeout = 5, verbose = 1})\n"
                      "print(r.exit, r.resources.r.phase, r.resources.r.changed[1])") ==
          "0\t1\tresource-r/todo-a/connect");
    CHECK(site.r("todo-a/connect") == "0");
    CHECK(site.prints("local r = mars['resume-fetch']{'r', timeout = 5} print(r.exit)") == "0");
    CHECK(site.r("todo-a/connect") == "1");
    CHECK(site.prints("print(mars.pause_fetch({'r'}).exit)") == "0");
}

TEST_CASE("a refused verb is nil, text, reason, details") {
    LuaSite site;
    CHECK(site.prints("local r, why, reason, details = mars.leave_cluster()\n"
                      "print(r, reason, details.exit)") == "nil\tcluster.member\t1");
    CHECK(site.prints("print((select(3, mars.pause_fetch('r', {nonsense = true}))))") == "usage.option");
    CHECK(site.prints("print((select(3, mars.pause_fetch('--force'))))") == "name.syntax");
    CHECK(site.prints("print(mars.no_such_verb)") == "nil");
    CHECK(site.fails("mars.pause_fetch(print)").find("string expected") != std::string::npos);
}

TEST_CASE("what a verb says is printed only when asked for") {
    LuaSite site;
    site.prints("mars.pause_fetch('r')");
    CHECK(site.output.text(Severity::info).empty());
    site.prints("mars.resume_fetch('r', {show = true})");
    CHECK_FALSE(site.output.text(Severity::info).empty());
}

TEST_CASE("mars.wait sees a change of the tree") {
    LuaSite site;
    site.world.after(30s, [&] { site.set("resource-r/primary", "a", 0s); });
    CHECK(
        site.prints("print(mars.wait(function() return mars.key('resource-r/primary') == 'a' and 'there' end, 60))") ==
        "there");
    CHECK(site.prints("print((select(3, mars.wait(function() return false end, 2))))") == "wait.phase");
    CHECK(site.prints("print((select(3, mars.wait(function() error('x') end, 2))))") == "lua.error");
}

TEST_CASE("hooks of a program see each phase, can refuse, and an error in one is a refusal") {
    LuaSite site;
    site.both_obey();
    CHECK(site.prints("local seen = {}\n"
                      "mars.hook('*', function(e) seen[#seen + 1] = e.name .. ':' .. e.resource end)\n"
                      "mars.detach('r')\n"
                      "print(table.concat(seen, ' '))") ==
          "detach.before:r detach.check.before:r detach.check.after:r detach.switch-off.before:r "
          "detach.switch-off.after:r detach.await-off.before:r detach.await-off.after:r detach.after:r");
    CHECK(site.prints("mars.hook('attach.switch-on.before', function(e) error('not now', 0) end)\n"
                      "print((select(3, mars.attach('r'))))") == "lua.error");
    CHECK(site.r("todo-a/attach") == "0");
    CHECK(site.prints("mars.hook('attach.before', function(e) return false end)\n"
                      "print(mars.attach('r', {force = true}).exit)") == "0");
    CHECK(site.r("todo-a/attach") == "1");
}

TEST_CASE("a verb on another host goes through ssh, and its reason comes back") {
    LuaSite site;
    std::vector<std::string> asked;
    site.remote.answer = [&](const std::vector<std::string>& argv) -> result<shell::RemoteResult> {
        asked = argv;
        shell::RemoteResult there;
        if (argv.back() == "r") there.output = "fine\n";
        if (argv.back() != "r") {
            there.status = 1;
            there.errors = "error: resource x is not known [res.missing]\n";
        }
        return there;
    };
    CHECK(site.prints("local r = mars.on('b').pause_fetch('r', {timeout = 3}) print(r, r.host)") == "fine\tb");
    CHECK(asked == std::vector<std::string>{"marsadm", "--timeout=3", "--", "pause-fetch", "r"});
    CHECK(site.prints("print((select(3, mars.on('b').pause_fetch('x'))))") == "res.missing");
    CHECK(site.prints("print(mars.on('a').pause_fetch('r').exit)") == "0");
}
