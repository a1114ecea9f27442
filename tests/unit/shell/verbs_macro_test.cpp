// SPDX-License-Identifier: GPL-2.0-or-later
// The verbs that work on macros themselves. Spec: macro-language 5.2, 5.3.
#include "fixture.hpp"

#include "shell/command/command_line.hpp"
#include "shell/verbs/verb_table.hpp"

using namespace mars;
using namespace mars::shell;
using namespace mars::shell::testing;

namespace {

// Macro files are looked for in /srv.
struct WithFiles : Pair {
    WithFiles() { macro_path = {"/srv"}; }
    void macro(const std::string& name, const std::string& text) {
        REQUIRE(hand->storage().write_file("/srv/" + name + ".tpl", text));
    }
    std::string answer() const { return output.text(Severity::answer); }
    bool says(std::string_view part) const { return answer().find(part) != std::string::npos; }
};

} // namespace

TEST_CASE("two words name a verb of the macro family") {
    auto request = parse_command_line({"macro", "list"}, Options(), built_in_verbs());
    REQUIRE(request);
    CHECK(request->verb->name == "macro-list");
    request = parse_command_line({"--verbose", "macro", "check", "a.tpl", "b.tpl"}, Options(), built_in_verbs());
    REQUIRE(request);
    CHECK(request->verb->name == "macro-check");
    CHECK(request->arguments == std::vector<std::string>{"a.tpl", "b.tpl"});
    CHECK_FALSE(parse_command_line({"macro", "nonsense"}, Options(), built_in_verbs()));
}

TEST_CASE("macro list tells where each macro comes from") {
    WithFiles site;
    site.macro("role", "mine");
    site.macro("health-acme", "fine");
    site.succeed({"macro", "list"});
    CHECK(site.says("diskstate              built-in\n"));
    CHECK(site.says("health-acme            own         /srv/health-acme.tpl\n"));
    CHECK(site.says("role                   overridden  /srv/role.tpl\n"));
    CHECK_FALSE(site.says("sync-rest"));
    site.succeed({"macro", "list", "--verbose"});
    CHECK(site.says("sync-rest"));
    site.succeed({"macro", "list", "--json"});
    CHECK(site.says("{\"name\": \"role\", \"kind\": \"overridden\", \"file\": \"/srv/role.tpl\"}"));
    CHECK(site.says("{\"name\": \"flags\", \"kind\": \"built-in\", \"file\": null}"));
}

TEST_CASE("macro check reports every mistake with its place, and fails when something would fail") {
    WithFiles site;
    site.macro("bad", "one\n%forech{v}{a}{,}{%{v}}\n%uuid{x}");
    site.macro("good", "%call{bad}%if{1}{a}");
    site.refuse({"macro", "check", "/srv/bad.tpl", "/srv/good.tpl"}, "view.macro");
    CHECK(site.says("/srv/bad.tpl:2:1: error: unknown macro 'forech'; is 'foreach' meant?\n"));
    CHECK(site.says("/srv/bad.tpl:3:7: warning: 'uuid' reads no argument\n"));
    CHECK(site.says("/srv/good.tpl: good\n"));
    CHECK(site.output.text(Severity::error).find("1 error in 2 files") != std::string::npos);
    site.succeed({"macro", "check", "/srv/good.tpl"});
    site.refuse({"macro", "check", "/srv/missing.tpl"}, "view.macro");
    CHECK(site.run({"macro", "check"}).exit == 2);
}

TEST_CASE("macro trace shows each call with its result") {
    WithFiles site;
    site.macro("sum", "%let{x}{%+{1}{2}}<%{x}|%{1}>");
    site.succeed({"macro", "trace", "sum", "r", "word"});
    CHECK(site.answer() == "%let{x}{%+{1}{2}}\n"
                           "  %+{1}{2} = \"3\"\n"
                           "= \"\"\n"
                           "%{x} = \"3\"\n"
                           "%{1} = \"word\"\n"
                           "result:\n<3|word>\n");
    site.refuse({"macro", "trace", "sun"}, "view.macro");
    CHECK(site.output.text(Severity::error).find("did you mean 'sum'?") != std::string::npos);
    site.refuse({"macro", "trace", "sum", "nowhere"}, "res.missing");
}

TEST_CASE("macro help and help explain primitives") {
    WithFiles site;
    for (const Words& words : {Words{"macro", "help", "human-seconds"}, Words{"help", "%human-seconds"},
                               Words{"help", "human-seconds"}, Words{"macro-help", "%human-seconds"}}) {
        site.succeed(words);
        CHECK(site.answer().starts_with("%human-seconds{"));
        CHECK(site.says("Example: "));
    }
    site.succeed({"macro", "help"});
    CHECK(site.says("  %if{condition}{then}[{else}]\n"));
    site.succeed({"macro", "help", "outdated-flags"});
    CHECK(site.says("%unless{%fetch-reached{}}{F}"));
    site.refuse({"macro", "help", "nosuch"}, "view.macro");
}

TEST_CASE("prettyprint shows the text of a macro that evaluates to the same") {
    WithFiles site;
    site.succeed({"prettyprint-outdated-flags"});
    CHECK(site.answer() == "%unless{%fetch-reached{}}{F}%unless{%replay-reached{}}{R}\\\n");
    site.succeed({"prettyprint-replstate", "r"});
    CHECK(site.says("{UnResponsive}"));
    site.refuse({"prettyprint-nosuch"}, "view.macro");
}

TEST_CASE("dumped macros are files to start from; what was there is kept") {
    WithFiles site;
    site.macro("role", "precious");
    site.succeed({"dump-macros", "/srv", "--dry-run"});
    CHECK_FALSE(site.hand->storage().status("/srv/flags.tpl"));
    site.succeed({"dump-macros", "/srv"});
    CHECK(*site.hand->storage().read_file("/srv/role.tpl.old0", 100) == "precious");
    CHECK(site.hand->storage().list("/srv")->size() == 40);
    site.succeed({"dump-macros", "/srv"});
    CHECK(site.hand->storage().status("/srv/role.tpl.old1"));
    site.succeed({"view-role", "r"});
    CHECK(site.answer() == "None\n"); // no disk on the simulated machine
    CHECK(site.output.text(Severity::hint) == "using macro file '/srv/role.tpl'\n");
    site.succeed({"macro", "check", "/srv/default.tpl", "/srv/diskstate.tpl"});
    REQUIRE(site.hand->storage().make_directory("/srv/all"));
    site.succeed({"dump-all-macros", "/srv/all"});
    CHECK(site.hand->storage().list("/srv/all")->size() > 250);
}
