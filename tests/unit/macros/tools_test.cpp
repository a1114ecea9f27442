// SPDX-License-Identifier: GPL-2.0-or-later
// What works on macros besides evaluation: check, layout, dump, JSON, help, reference page.
#include <catch2/catch.hpp>

#include "macros/language/layout.hpp"
#include "macros/primitives.hpp"
#include "macros/tools/check.hpp"
#include "macros/tools/differences.hpp"
#include "macros/tools/json.hpp"
#include "macros/tools/reference.hpp"
#include "tests/unit/macros/fixture.hpp"

using namespace mars::macros;
using namespace mars::macros::testing;

namespace {

std::vector<std::string> findings(const std::string& text, Compat compat = Compat::current) {
    VectorContext v(compat);
    Session session(v.context);
    std::vector<std::string> shown;
    for (auto& finding : check(session, **parse(text, "t.tpl", compat), compat)) {
        std::string line = show(finding);
        shown.push_back(line.substr(0, line.find('\n')));
    }
    return shown;
}

} // namespace

TEST_CASE("check finds unknown names and suggests the right one") {
    CHECK(findings("%iff{1}{a}") == std::vector<std::string>{"t.tpl:1:1: error: unknown macro 'iff'; is 'if' meant?"});
    CHECK(findings("a\n%forech{v}{a}{,}{%{v}}").front() ==
          "t.tpl:2:1: error: unknown macro 'forech'; is 'foreach' meant?");
    CHECK(findings("%zzzzzzzz{}").front() == "t.tpl:1:1: error: unknown macro 'zzzzzzzz'");
    CHECK(findings("%primitive-role{}").size() == 1);
    CHECK(findings("%role{}%primitive-if{1}{2}%human_seconds{1}%get-disk{}%{x}").empty());
    CHECK(findings("%call{nosuch}").front() == "t.tpl:1:7: error: there is no macro 'nosuch'");
    CHECK(findings("%call{role}%call{%{x}}").empty());
}

TEST_CASE("check finds wrong arity, unread arguments, stray escapes, braces that do not pair") {
    CHECK(findings("%let{x}").front() == "t.tpl:1:1: error: 'let' wants at least 2 arguments: %let{name}{value}");
    CHECK(findings("%if{1}{a}{b}{c}").front() == "t.tpl:1:14: warning: argument 4 of 'if' is never read: "
                                                 "%if{condition}{then}[{else}]");
    CHECK(findings("%uuid{x}").front() == "t.tpl:1:7: warning: 'uuid' reads no argument");
    CHECK(findings("%if{1}{a").front().ends_with("warning: argument 4 of 'if' is never read") == false);
    CHECK(findings("%foo{ x").front() ==
          "t.tpl:1:1: warning: no call: its braces do not pair, or are nested more than 20 deep");
    CHECK(findings("\\x").front() == "t.tpl:1:1: warning: '\\x' is reserved, write the letter alone");
    CHECK(findings("%protect{%nosuch{}}").empty());
}

TEST_CASE("check looks at arguments that are evaluated, in the mode's way") {
    CHECK(findings("%sprintf{%nosuch{}}").size() == 1);
    CHECK(findings("%sprintf{%nosuch{}}", Compat::v01a).empty());
}

TEST_CASE("the built-in macros are found right by check, and parse without leftovers") {
    VectorContext v(Compat::current);
    Session session(v.context);
    for (auto compat : {Compat::current, Compat::v01a})
        for (auto& [name, text] : dump_macros(true, compat)) {
            INFO(name);
            for (auto& finding : check(session, **parse(text, name, compat), compat)) {
                // The stubs of release 0.1a hand an argument to everything.
                if (compat == Compat::current || finding.is_error) FAIL_CHECK(show(finding));
            }
        }
}

TEST_CASE("dumped macros behave like the built-in ones") {
    for (auto compat : {Compat::current, Compat::v01a}) {
        for (auto* host : {"nodea", "nodeb"}) {
            SampleCluster built_in(host, compat), dumped(host, compat);
            dumped.context.search_path = {"/dump"};
            for (auto& [name, text] : dump_macros(false, compat))
                dumped.outside.contents["/dump/" + name + ".tpl"] = text;
            for (auto name : built_in_names()) {
                INFO(name);
                CHECK(dumped.show(std::string(name)) == built_in.show(std::string(name)));
            }
        }
    }
    CHECK(dump_macros(false).size() == 39);
    CHECK(dump_macros(true).size() > 250);
}

TEST_CASE("a layout evaluates to the same result") {
    SampleCluster b;
    Session session(b.context);
    for (auto name : built_in_names()) {
        INFO(name);
        auto pretty = session.pretty(name);
        REQUIRE(pretty);
        auto macro = parse(*pretty, std::string(name) + ".tpl");
        auto again = session.evaluate(*macro, "vol1");
        REQUIRE(again);
        CHECK(*again == b.show(std::string(name)));
        CHECK((pretty->empty() || pretty->ends_with('\n')));
    }
    CHECK(*session.pretty("outdated-flags") == "%unless{%fetch-reached{}}{F}%unless{%replay-reached{}}{R}\\\n");
    CHECK(session.pretty("replstate")->find("\\\n{%not{%is-alive{%{host}}}}\\\n{UnResponsive}\\\n") !=
          std::string::npos);
    CHECK_FALSE(session.pretty("nosuch"));
}

TEST_CASE("the state of a resource is one JSON object with units in its keys") {
    SampleCluster b;
    std::string json = json_of_resource(b.context, "vol1");
    for (auto* part :
         {"\"resource\": \"vol1\"", "\"host\": \"nodeb\"", "\"replay_rest_bytes\": 35000000", "\"is_primary\": false",
          "\"todo_primary\": false", "\"alive_age_seconds\": 11.5", "\"fetch_rate_bytes_per_second\": 1048576",
          "\"get_primary\": \"nodea\"", "\"resource_peers\": [\"nodea\", \"nodeb\"]", "\"disk_error\": null",
          "\"uuid\": \"nodea 1640000000.000000000\""})
        CHECK(json.find(part) != std::string::npos);
    CHECK(b.outside.warnings.empty());
    CHECK(json_string("a\"\\\n\x01") == "\"a\\\"\\\\\\n\\u0001\"");
}

TEST_CASE("docs/man/mars-macros.7 is up to date (macro-reference > docs/man/mars-macros.7)") {
    bool same = read_text(std::string(MARS_SOURCE_DIR) + "/docs/man/mars-macros.7") == reference_page();
    CHECK(same);
}

TEST_CASE("the reference page shows every difference from release 0.1a, with both results") {
    std::string page = reference_page();
    for (auto& difference : differences()) {
        INFO(difference.now);
        auto first = [](std::string_view text) { return std::string(text.substr(0, text.find_first_of("-\\\n'."))); };
        CHECK(page.find(first(difference.now)) != std::string::npos);
        CHECK(page.find(first(difference.before)) != std::string::npos);
    }
}

TEST_CASE("help and reference page show every primitive with its example") {
    CHECK(help_text("sync-rest") ==
          "%sync-rest{}\n    What remains to be done.\n    Can be viewed: marsadm view-sync-rest\n"
          "    Example: %replay-rest{} yields \"35000000\"\n");
    CHECK(help_text("nosuch").empty());
    std::string page = reference_page();
    CHECK(page.starts_with(".TH MARS\\-MACROS 7\n"));
    for (auto& chapter : primitive_table()) {
        for (auto& row : chapter.rows) {
            INFO(row.spelling);
            std::string first(row.doc.substr(0, row.doc.find_first_of("-\\\n'.")));
            CHECK(page.find(first) != std::string::npos);
        }
    }
}

TEST_CASE("a macro file from another system's editor is read like any other") {
    SampleCluster b;
    b.context.search_path = {"."};
    b.outside.contents["./foreign.tpl"] = "\xef\xbb\xbf# a comment\r\n%{res}\\\r\n  end\r\n";
    b.outside.contents["./own.tpl"] = "# a comment\n%{res}\\\n  end\n";
    CHECK(b.show("foreign") == b.show("own"));
    b.context.macro_text = "%if{1}{\r\nyes\r\n}";
    CHECK(b.show("default").find('\r') == std::string::npos);
    auto parsed = parse("\xef\xbb\xbfx\r\n", "x.tpl");
    REQUIRE(parsed);
    b.context.macro_text.clear();
    CHECK(*evaluate(b.context, *parsed, "") == "x\n");
}

// Every field, with the values that the sample cluster's tree has: units, signs, and what is unknown.
TEST_CASE("view --json is what tests/golden/macros/vol1.json says") {
    SampleCluster b;
    b.view.apply("actual-nodeb/rest-space -> 6");
    b.view.apply("actual-nodeb/total-space -> 900");
    b.view.apply("actual-nodea/alive -> 1 @-2");
    b.view.apply("resource-vol1/actual-nodeb/replay-code -> -5");
    CHECK(json_of_resource(b.context, "vol1") == read_text(golden("vol1.json")));
}

TEST_CASE("numbers of view --json are what their names say") {
    SampleCluster b;
    b.view.apply("actual-nodeb/rest-space -> 6");
    b.context.now = mars::Stamp{1650000010, 0};
    // Heard of in the very second that has begun: stamps have fractions.
    b.view.apply("actual-nodea/time -> 1650000010.470000000");
    b.view.apply("resource-vol1/actual-nodeb/if-on -> 1");
    auto json = json_of_resource(b.context, "vol1");
    auto has = [&](const char* part) { return json.find(part) != std::string::npos; };
    CHECK(has("\"rest_space_bytes\": 6442450944"));
    CHECK(has("\"alive_age_seconds\": 0,"));
    CHECK(has(
        "\"device_size_bytes\": 8589934592")); // the device of a host that cannot be asked is as large as the resource
    b.view.apply("resource-vol1/actual-nodeb/file_rate -> 0");
    json = json_of_resource(b.context, "vol1");
    CHECK(json.find("_seconds\": -") == std::string::npos);
    CHECK(json.find("_bytes\": -") == std::string::npos);
}
