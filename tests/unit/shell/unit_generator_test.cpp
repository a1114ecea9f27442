// SPDX-License-Identifier: GPL-2.0-or-later
// Templates and tree become units: names, expansion, matching, closure, headers; the example of the specification.
#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "shell/systemd/lint.hpp"
#include "shell/systemd/unit_generator.hpp"
#include "shell/systemd/unit_names.hpp"
#include "shell/systemd/unit_writer.hpp"
#include "tests/unit/map_view.hpp"

using namespace mars;
using namespace mars::shell::systemd;
using Names = std::vector<std::string>;

namespace {

struct Bench {
    Bench() {
        view.set("uuid", "1");
        for (const std::string res : {"mydata", "web-01"}) view.set("resource-" + res + "/size", "4096");
    }
    void add(const std::string& name, const std::string& text, std::int64_t mtime = 1650000000) {
        templates.all.push_back({name, "/etc/marsadm/systemd-templates/" + name, text, mtime});
        std::sort(templates.all.begin(), templates.all.end(),
                  [](const auto& a, const auto& b) { return a.path < b.path; });
    }
    void unit(const std::string& res, const std::string& start, const std::string& stop = "") {
        view.set("resource-" + res + "/systemd-start-unit", start);
        if (!stop.empty()) view.set("resource-" + res + "/systemd-stop-unit", stop);
    }
    template<class Use>
    auto with(Use use) {
        macros::Outside outside;
        macros::Context context(view, outside, "hostA");
        context.command = "systemd-trigger";
        GeneratorInput input{templates, settings, view, context, resources};
        input.is_installed = [this](const std::string& name) { return installed.contains(name); };
        return use(input);
    }
    Generation generate() {
        return with([](const GeneratorInput& input) { return generate_units(input); });
    }
    std::vector<Finding> lint() {
        return with([](const GeneratorInput& input) { return lint_templates(input); });
    }
    static Names names(const Generation& generation) {
        Names all;
        for (const auto& unit : generation.units) all.push_back(unit.name);
        return all;
    }
    // What is behind the header.
    std::string body(const std::string& name) {
        auto generation = generate();
        const auto* unit = generation.find(name);
        REQUIRE(unit);
        auto end = unit->content.rfind("###\n");
        return unit->content.substr(end + 4);
    }

    test::MapView view;
    Templates templates;
    Settings settings;
    std::vector<std::string> resources{"mydata", "web-01"};
    std::set<std::string> installed;
};

bool mentions(const std::vector<Finding>& findings, const std::string& text) {
    return std::any_of(findings.begin(), findings.end(),
                       [&](const Finding& f) { return (f.place + ": " + f.text).find(text) != std::string::npos; });
}

} // namespace

TEST_CASE("paths are escaped as systemd-escape --path does") {
    CHECK(escape_path("web-01") == "web\\x2d01");
    CHECK(escape_path("/a b/c-d") == "a\\x20b-c\\x2dd");
    CHECK(escape_path("//vol//x/") == "vol-x");
    CHECK(escape_path(".hidden/.x") == "\\x2ehidden-.x");
    CHECK(escape_path("/") == "-");
    CHECK(escape_path("a_b:c.d") == "a_b:c.d");
}

TEST_CASE("unit names: kinds, instances, and what belongs to systemd") {
    CHECK(is_unit_name("vol-web\\x2d01.mount"));
    CHECK(is_unit_name("getty@tty1.service"));
    for (auto bad : {"", ".mount", "x", "x.unknown", "a b.service", "x/y.service"}) CHECK_FALSE(is_unit_name(bad));
    CHECK(template_of_instance("getty@tty1.service") == "getty@.service");
    CHECK(template_of_instance("getty@.service").empty());
    CHECK(is_predefined("multi-user.target"));
    CHECK_FALSE(is_predefined("mars.service"));
}

TEST_CASE("the example of the specification comes out as it stands there") {
    Bench bench;
    bench.settings.watchers = {"mars-@escvar{res}-trigger.path"};
    bench.add("mars-@escvar{res}-trigger.path",
              "[Path]\nPathModified=@{resdir}/systemd-trigger\n"
              "Unit=mars-@escvar{res}-trigger.service\n[Install]\nWantedBy=mars.service\n");
    bench.add("nfs-^{name}.service", "[Unit]\nRequires=vol-@{name}.mount\n");
    bench.add("vol-@escvar{res}.mount", "[Mount]\nWhere=/vol/@{res}\n");
    bench.unit("mydata", "nfs-mydata.service");
    auto generation = bench.generate();
    CHECK(Bench::names(generation) ==
          Names{"mars-mydata-trigger.path", "mars-web\\x2d01-trigger.path", "nfs-mydata.service", "vol-mydata.mount"});
    CHECK(generation.find("mars-mydata-trigger.path")->content ==
          "### GENERATED FROM: /etc/marsadm/systemd-templates/mars-@escvar{res}-trigger.path\n"
          "### GENERATED NAME: mars-mydata-trigger.path\n"
          "### GENERATED   TO: /run/systemd/system/mars-mydata-trigger.path\n"
          "### TEMPLATE MTIME: 1650000000\n"
          "###\n"
          "###   REF: mars-mydata-trigger.service\n"
          "###   REF: mars.service\n"
          "###\n"
          "[Path]\nPathModified=/mars/resource-mydata/systemd-trigger\nUnit=mars-mydata-trigger.service\n"
          "[Install]\nWantedBy=mars.service\n");
    CHECK(bench.body("nfs-mydata.service") == "[Unit]\nRequires=vol-mydata.mount\n");
    // The watchers need their services.
    CHECK(mentions(generation.findings,
                   "cannot find any systemd template for target unit 'mars-mydata-trigger.service'"));
}

TEST_CASE("each form of an expansion does what it says, and nothing is looked at twice") {
    Bench bench;
    bench.resources = {"web-01"};
    bench.unit("web-01", "x-web\\x2d01.service");
    const std::string text =
        "a=@{res} b=@escvar{res} c=@esc{/x/@{res}} d=@eval{%let{k}{v}%{host}%{k}} e=@{k} f=@verbatim{{q}} "
        "g=root@host h=@{cmd} i=@eval{%let{l}{@{res}}}@{l} j=@other{o} k=@{nothing} l=a{b}@\n";
    bench.add("x-@escvar{res}.service", text);
    CHECK(bench.body("x-web\\x2d01.service") ==
          "a=web-01 b=web\\x2d01 c=x-\\x40\\x7bres\\x7d d=hostAv e=v f={q} g=root@host h=systemd-trigger i=@{res} j=o "
          "k=UNDEFINED(nothing) l=a{b}@\n");
    auto findings = bench.generate().findings;
    CHECK(mentions(findings, "there is no variable 'nothing'"));
    CHECK(mentions(findings, "unknown form @other{}"));
}

TEST_CASE("a unit that the tree names stays in the folder of generated files") {
    Bench bench;
    bench.settings.watchers = {};
    bench.unit("mydata", "x-../../../etc/cron.d/evil.script", "x-../evil.service");
    bench.add("x-^{n}.script", "#!/bin/sh\n");
    bench.add("x-^{n}.service", "[Service]\n");
    CHECK(Bench::names(bench.generate()) == Names{});
}

TEST_CASE("units that are mentioned are made as well, for the resource that mentions them, each once") {
    Bench bench;
    bench.settings.watchers = {};
    bench.unit("web-01", "top-web\\x2d01.target", "vol-web\\x2d01.mount");
    bench.add("top-@escvar{res}.target",
              "[Unit]\nRequires=app-x.service multi-user.target %i.service\n# ALSO also-x.script\n");
    bench.add("app-^{n}.service",
              "[Unit]\nAfter=vol-@escvar{res}.mount /vol/@{res}\n[Service]\nEnvironment=R=@{res},@{n}\n");
    bench.add("also-^{n}.script", "#!/bin/sh\n# @{res}\n");
    bench.add("vol-@escvar{res}.mount", "[Mount]\n");
    auto generation = bench.generate();
    CHECK(Bench::names(generation) ==
          Names{"also-x.script", "app-x.service", "top-web\\x2d01.target", "vol-web\\x2d01.mount"});
    CHECK(bench.body("app-x.service").find("R=web-01,x") != std::string::npos);
    const auto* script = generation.find("also-x.script");
    CHECK(script->path == "/etc/marsadm/systemd-generated-scripts/also-x.script");
    CHECK(script->content.starts_with("#!/bin/sh\n### GENERATED FROM:"));
    CHECK(generation.findings.empty());
}

TEST_CASE("templates without expansions in their names are copied; units of others are left to them") {
    Bench bench;
    bench.settings.watchers = {};
    bench.add("mars-trigger.path", "[Path]\nUnit=mars-trigger.service\nWantedBy=@{res}.target\n");
    bench.add("serial@.service", "[Service]\n");
    bench.unit("mydata", "foreign.service", "gone.service");
    bench.installed = {"foreign.service"};
    auto generation = bench.generate();
    CHECK(Bench::names(generation) == Names{"mars-trigger.path", "serial@.service"});
    CHECK_FALSE(mentions(generation.findings, "foreign.service"));
    CHECK(mentions(generation.findings, "'gone.service'"));
    CHECK(bench.body("mars-trigger.path").find("UNDEFINED_RESOURCE.target") != std::string::npos);
}

TEST_CASE("a template that cannot be expanded spoils only its own unit, and then nothing counts as obsolete") {
    Bench bench;
    bench.settings.watchers = {};
    bench.unit("mydata", "bad-mydata.service", "good-mydata.service");
    bench.add("bad-@{res}.service", "@eval{%no-such-macro{}}\n");
    bench.add("good-@{res}.service", "[Service]\n");
    auto generation = bench.generate();
    CHECK(Bench::names(generation) == Names{"good-mydata.service"});
    CHECK_FALSE(generation.is_complete);
    CHECK(mentions(generation.findings, "bad-@{res}.service"));
    PresentUnits present{{"/run/systemd/system/old.service", "### GENERATED FROM: x\n"}};
    CHECK(plan_writing(generation, present).remove.empty());
}

TEST_CASE("keywords stand for the template with their marker") {
    Bench bench;
    bench.add("stack-@escvar{res}.target", "# DEFAULT_START\n[Unit]\n");
    bench.add("vol-@escvar{res}.mount", "#DEFAULT_STOP \n[Mount]\n");
    auto find = [&](std::string_view keyword, std::string_view kind) {
        return bench.with([&](const GeneratorInput& in) { return unit_of_keyword(in, "web-01", keyword, kind); });
    };
    CHECK(find("DEFAULT", "START").value_or("") == "stack-web\\x2d01.target");
    CHECK(find("DEFAULT", "STOP").value_or("") == "vol-web\\x2d01.mount");
    CHECK_FALSE(find("OTHER", "START"));
    CHECK(is_keyword("DEFAULT_2"));
    for (auto no : {"", "default", "2X", "A-B", "_A"}) CHECK_FALSE(is_keyword(no));
}

TEST_CASE("what is written: new, changed and obsolete units, in the words of their markers; never somebody else's") {
    Bench bench;
    bench.settings.watchers = {};
    bench.add("new.service", "[Service]\n");
    bench.add("starts.path", "# ALWAYS_START\n[Path]\n");
    bench.add("off.service", "# ALWAYS_DISABLED\n[Service]\n");
    bench.add("changed.service", "[Service]\n");
    bench.add("same.service", "[Service]\n");
    bench.add("foreign.service", "[Service]\n");
    auto generation = bench.generate();
    const std::string dir = "/run/systemd/system/";
    PresentUnits present{{dir + "changed.service", "### GENERATED FROM: before\n"},
                         {dir + "same.service", generation.find("same.service")->content},
                         {dir + "foreign.service", "[Service]\n# by hand\n"},
                         {dir + "by-hand.service", "[Service]\n"},
                         {dir + "gone.service", "### GENERATED FROM: x\n"},
                         {dir + "kept.service", "### GENERATED FROM: x\n# KEEP_RUNNING\n"}};
    auto plan = plan_writing(generation, present);
    CHECK(plan.stop == Names{"gone.service"});
    CHECK(plan.disable == Names{"off.service", "gone.service", "kept.service"});
    CHECK(plan.remove == Names{dir + "gone.service", dir + "kept.service"});
    CHECK(plan.refused == Names{dir + "foreign.service"});
    CHECK(plan.enable == Names{"new.service", "starts.path"});
    CHECK(plan.start == Names{"starts.path"});
    CHECK(plan.reload);
    CHECK(plan.write.size() == 4);
    CHECK(plan_writing(generation, {}).write.size() == 6);
}

TEST_CASE("units whose template is not trusted any more stay as they are, and nothing counts as obsolete") {
    Bench bench;
    bench.settings.watchers = {};
    bench.unit("mydata", "vol-mydata.mount");
    bench.add("vol-@escvar{res}.mount", "[Mount]\n"); // the shipped one, say
    const std::string dir = "/run/systemd/system/", ours = "/etc/ours/vol-@escvar{res}.mount";
    const PresentUnits present{{dir + "vol-mydata.mount", "### GENERATED FROM: " + ours + "\n[Mount]\nOptions=ro\n"},
                               {dir + "old.service", "### GENERATED FROM: /etc/ours/gone.service\n"}};
    auto generation = bench.generate();
    keep_made_from({"/home/mallory/x.service"}, present, generation);
    CHECK(generation.is_complete);
    CHECK(plan_writing(generation, present).write.size() == 1);
    keep_made_from({ours}, present, generation);
    CHECK(plan_writing(generation, present).is_empty());
}

TEST_CASE("lint finds what is wrong with a unit") {
    auto about = [](const std::string& name, const std::string& text) { return lint_unit(name, text, "T"); };
    CHECK(about("x.service", "# c\n; d\n[Unit]\nAfter=a \\\n  b\n[Service]\nExecStart=/bin/true\n").empty());
    CHECK(mentions(about("x.service", "[Servic]\n"), "T:1: units of the kind .service have no section [Servic]"));
    CHECK(mentions(about("x.service", "[Service]\nnonsense\n"), "T:2: expected KEY=VALUE"));
    CHECK(mentions(about("x.service", "A=b\n[Service]\n"), "before the first [Section]"));
    CHECK(mentions(about("x.service", "[Unit]\n"), "the section [Service] is missing"));
    CHECK(mentions(about("x.service", "[Service\n"), "no closing bracket"));
    CHECK(mentions(about("x.mount", "[Mount]\nWhat=/dev/x\nWhere=/vol/x\n"), "must be called vol-x.mount"));
    CHECK(mentions(about("vol-x.mount", "[Mount]\nWhere=/vol/x\n"), "What= and Where="));
    CHECK(mentions(about("x.path", "[Path]\nUnit=y.service\n"), "watches nothing"));
    CHECK(mentions(about("x.service", "[Service]\nExecStart=a \\\n"), "ends with a backslash"));
}

TEST_CASE("lint looks at templates that nothing uses, with a sample") {
    Bench bench;
    bench.settings.watchers = {};
    bench.add("idle-^{n}-@{res}.service", "[Service]\nExecStart=@{nothing}\n");
    bench.add("odd@{res}", "[Service]\n");
    auto findings = bench.lint();
    CHECK(mentions(findings, "there is no variable 'nothing'"));
    CHECK(mentions(findings, "no unit is made from it"));
    CHECK(mentions(findings, "odd@{res}: the name gives no unit"));
}

TEST_CASE("the shipped templates are without fault") {
    Bench bench;
    for (const auto& entry : std::filesystem::directory_iterator(MARS_SOURCE_DIR "/templates")) {
        const auto name = entry.path().filename().string();
        if (!bench.settings.is_kind(unit_kind(name)) || name == "marsd.service") continue;
        std::ifstream file(entry.path());
        bench.add(name, {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()});
    }
    bench.unit("web-01", "vol-web\\x2d01.mount", "vol-web\\x2d01.mount");
    bench.unit("mydata", "vol-mydata.mount", "vol-mydata.mount");
    bench.installed = {"marsd.service"};
    for (const auto& finding : bench.lint()) FAIL_CHECK(finding.place << ": " << finding.text);
    auto generation = bench.generate();
    for (auto name : {"mars.path", "mars.service", "mars-trigger.path", "mars-web\\x2d01-trigger.path",
                      "mars-web\\x2d01-trigger.service", "mars-web\\x2d01-application.service",
                      "dev-mars-web\\x2d01.path", "vol-web\\x2d01.mount"})
        CHECK(generation.find(name));
}
