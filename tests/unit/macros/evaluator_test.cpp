// SPDX-License-Identifier: GPL-2.0-or-later
// Scopes, search path, overriding, limits, failures, tracing.
#include <pthread.h>

#include <catch2/catch.hpp>

#include "tests/unit/macros/fixture.hpp"

using namespace mars::macros;
using namespace mars::macros::testing;
using mars::result;

namespace {

// A context with template files in ".".
struct Templates : VectorContext {
    explicit Templates(Compat compat = Compat::current) : VectorContext(compat) {
        context.search_path = {".", "/etc/marsadm"};
    }
    void add(const std::string& name, const std::string& text) { outside.contents["./" + name + ".tpl"] = text; }
};

result<std::string> run(VectorContext& fixture, const std::string& text) {
    fixture.context.macro_text = text;
    return Session(fixture.context).view("default", "");
}

// Runs `body` with a machine stack for deep recursion, whatever the limit of the shell and the size of frames.
template<class Body>
void with_room(Body body) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, std::size_t{256} << 20);
    pthread_t thread;
    auto start = [](void* argument) -> void* {
        (*static_cast<Body*>(argument))();
        return nullptr;
    };
    REQUIRE(pthread_create(&thread, &attributes, start, &body) == 0);
    pthread_join(thread, nullptr);
    pthread_attr_destroy(&attributes);
}

} // namespace

TEST_CASE("template files are found, get numbered variables, and have a scope by the way they are called") {
    for (auto compat : {Compat::v01a, Compat::current}) {
        Templates t(compat);
        t.add("foo", "<%{0}|%{1}|%{2}>");
        CHECK(t.eval("%call{foo}{a}{b}") == "<foo|a|b>");
        CHECK(t.eval("%foo{a}{b}") == "<foo|a|b>");
        CHECK(t.eval("%let{1}{A}%let{2}{B}%call{foo}{b}|%{1}|%{2}") == "<foo|b|>|A|B");
        CHECK(t.eval("%let{1}{A}%foo{b}|%{1}") == (compat == Compat::v01a ? "<foo|b|>|b" : "<foo|b|>|A"));
        t.context.macro_text.clear();
        CHECK(*Session(t.context).view("foo", "vol1", {"x", "%{res}"}) == "<foo|x|vol1>\n");
    }
}

TEST_CASE("a template overrides built-in macros and primitives, unless the primitive is asked for") {
    Templates t;
    t.add("if", "mine");
    t.add("uuid", "other");
    CHECK(t.eval("%if{1}{a}") == "mine");
    CHECK(t.eval("%primitive-if{1}{a}") == "a");
    CHECK(t.eval("%uuid{}") == "other");
    t.add("let", "");
    CHECK(t.eval("%let{x}{1}%{x}") == "1");
    t.outside.contents["/etc/marsadm/uuid.tpl"] = "hidden";
    Session session(t.context);
    t.context.macro_text.clear();
    CHECK(*session.view("uuid", "") == "other\n");
    CHECK_FALSE(t.outside.notices.empty());
    CHECK(t.outside.notices.back() == "using macro file './uuid.tpl'");
}

TEST_CASE("overriding a part changes what is built on it") {
    SampleCluster b;
    b.context.search_path = {"/x"};
    b.outside.contents["/x/role.tpl"] = "MyRole";
    b.outside.contents["/x/sync-pos.tpl"] = "1";
    CHECK(b.show("default").find(" MyRole nodea") != std::string::npos);
    CHECK(b.show("sync-rest") == "8589934591\n");
}

TEST_CASE("macros are listed with the file that each comes from") {
    Templates t;
    t.outside.directories["."] = {"mine-acme.tpl", "role.tpl", "notes.txt"};
    t.add("mine-acme", "x");
    t.add("role", "y");
    std::map<std::string, MacroInfo> found;
    for (auto& info : Session(t.context).list_macros()) found[info.name] = info;
    CHECK(found.at("mine-acme").kind == MacroInfo::Kind::own);
    CHECK(found.at("role").kind == MacroInfo::Kind::overridden);
    CHECK(found.at("role").file == "./role.tpl");
    CHECK(found.at("flags").kind == MacroInfo::Kind::built_in);
    CHECK(found.at("uuid").kind == MacroInfo::Kind::viewable);
    CHECK_FALSE(found.contains("notes"));
}

TEST_CASE("3000 nested calls work, endless recursion is refused") {
    for (auto compat : {Compat::v01a, Compat::current}) {
        Templates t(compat);
        t.add("down", "%if{%>{%{1}}{0}}{%call{down}{%-{%{1}}{1}}}{bottom}");
#ifdef __SANITIZE_ADDRESS__
        t.context.limits.stack_bytes = 0;
#endif
        with_room([&] { CHECK(t.eval("%call{down}{3000}") == "bottom"); });
        t.context.limits.stack_bytes = 1 << 20;
        t.add("again", "%again{}");
        auto endless = run(t, "%again{}");
        REQUIRE_FALSE(endless);
        CHECK(endless.error().is(std::errc::value_too_large));
        CHECK(endless.error().text.starts_with("macro calls are nested too deeply"));
    }
}

TEST_CASE("the call stack is what it was before a call, whatever was assigned to it") {
    for (auto compat : {Compat::v01a, Compat::current}) {
        Templates t(compat);
        t.add("in", "%{callstack}%let{callstack}{x}(%{callstack})");
        t.add("out", "%call{in}%{callstack}%append{callstack}{y}%include{in}%{callstack}");
        CHECK(t.eval("%call{out}|%{callstack}") ==
              "default,out,in(x)default,outdefault,outy,in(x)default,outy|default");
        CHECK(
            t.eval("%let{callstack}{a}%tmp{%append{callstack}{b}%{callstack}%in{}}|%{callstack}%out{}|%{callstack}") ==
            "abab,in(x)|aa,out,in(x)a,outa,outy,in(x)a,outy|a");
    }
}

TEST_CASE("deep recursion takes memory and time in proportion to its depth") {
    Templates t;
    t.context.limits.stack_bytes = 0;
    t.context.limits.nesting = 20'000;
    t.add("a-name-of-some-length-as-people-like-to-give-them", "%a-name-of-some-length-as-people-like-to-give-them{}");
    with_room([&] { CHECK_FALSE(run(t, "%a-name-of-some-length-as-people-like-to-give-them{}")); });
    t.add("large", "%call{large}");
    t.context.limits.copies_bytes = 1 << 20;
    auto large = run(t, "%let{x}{%sprintf{%100000s}{}}%call{large}");
    REQUIRE_FALSE(large);
    CHECK(large.error().text.starts_with("macro calls are nested too deeply"));
    CHECK(run(t, "%let{x}{%sprintf{%100000s}{}}%foreach{i}{1,2,3,4,5,6,7,8,9,10,11,12}{,}{%tmp{%{i}}}"));
}

TEST_CASE("a text for %die may end its line, and infinite numbers look the same everywhere") {
    VectorContext at(Compat::current);
    at.context.macro_text = "%die{bye\\n}";
    auto ended = Session(at.context).view("default", "");
    REQUIRE_FALSE(ended);
    CHECK(ended.error().text.starts_with("bye\n  at --macro:1:1\n"));
    CHECK(at.eval("%human-numbers{}{}{}{inf}|%human-numbers{B}{}{}{-inf}|%+{inf}{0}") == "Inf TiB|-Inf B|Inf");
}

TEST_CASE("an evaluation that takes long can be interrupted") {
    struct Impatient : TestOutside {
        int asked = 0;
        bool may_go_on() override { return ++asked < 5; }
    } outside;
    VectorContext at(Compat::current);
    Context context(at.view, outside, "alpha");
    for (const char* text : {"%while{1}{}", "%eval{1000000000}{x}", "%for{}{1}{}{}"}) {
        outside.asked = 0;
        context.macro_text = text;
        auto ended = Session(context).view("default", "");
        REQUIRE_FALSE(ended);
        CHECK(ended.error().text.starts_with("the evaluation was interrupted"));
    }
}

TEST_CASE("limits on nesting, calls and output end an evaluation with a failure") {
    Templates t;
    t.context.limits.nesting = 10;
    t.add("again", "%again{}");
    CHECK_FALSE(run(t, "%again{}"));
    t.context.limits.calls = 1000;
    CHECK_FALSE(run(t, "%while{1}{}"));
    CHECK_FALSE(run(t, "%foreach{v}{%sprintf{%2000s}{}}{}{}"));
    CHECK_FALSE(run(t, "%eval-down{%protect{x}y}z%while{1}{%{x}}"));
    CHECK(run(t, "%let{i}{100}%while{%{i}}{%let{i}{%-{%{i}}{1}}}ok"));
    t.context.limits.calls = 0;
    t.context.limits.output_bytes = 1000;
    auto large = run(t, "%let{x}{aaaaaaaaaa}%while{1}{%let{x}{%{x}%{x}}}");
    REQUIRE_FALSE(large);
    CHECK(large.error().text.starts_with("a text has grown beyond the limit of 1000 bytes\n  at --macro:1:"));
    CHECK_FALSE(run(t, "%while{1}{x}"));
    CHECK_FALSE(run(t, "%while{1}{%append{y}{x}}"));
}

TEST_CASE("a failure tells what, where, and shows the line") {
    VectorContext v(Compat::current);
    auto unknown = run(v, "one\ntwo %nosuch{1}\nthree");
    REQUIRE_FALSE(unknown);
    CHECK(unknown.error().text == "call to unknown macro 'nosuch'\n  at --macro:2:5\n    two %nosuch{1}\n        ^");
    auto zero = run(v, "%/{1}{0}");
    REQUIRE_FALSE(zero);
    CHECK(zero.error().is(std::errc::argument_out_of_domain));
    auto inner = run(v, "%eval{2}{\\%nosuch\\{\\}}");
    REQUIRE_FALSE(inner);
    CHECK(inner.error().text.find("(text made by eval):1:1") != std::string::npos);
    auto missing = Session(v.context).view("nosuch-view", "");
    CHECK((missing || v.context.macro_text.empty() == false));
}

TEST_CASE("the text of --macro is used up by the first look-up") {
    VectorContext v(Compat::current);
    v.context.macro_text = " <%{0}>";
    Session session(v.context);
    CHECK(*session.view("role", "") == "<role>\n");
    CHECK_FALSE(session.view("nosuch", ""));
}

TEST_CASE("loops end as their names say, also from inside conditions and called macros") {
    Templates t;
    CHECK(t.eval("%foreach{v}{1,2,3}{,}{%if{%=={%{v}}{2}}{%last{}}%{v}}|") == "1|");
    CHECK(t.eval("%let{i}{0}%while{%<{%{i}}{5}}{%{++}{i}%if{%=={%{i}}{4}}{%last{}},}|") == "1,2,3,4|");
    CHECK(t.eval("%for{%let{i}{0}}{%<{%{i}}{4}}{%{i}{++}}{%if{%=={%{i}}{1}}{%next{}}%{i}}") == "023");
    CHECK(t.eval("%foreach{v}{a,b}{,}{%foreach{w}{1,2}{,}{%last{}}%{v}}") == "ab");
    CHECK(t.eval("%foreach-glob{/mars/ips/*}{p}{a%last{}b}c") == "ac");
    // Leaving a macro does not leave its caller's loop.
    t.add("leave", "x%last{}y");
    CHECK(t.eval("%foreach{v}{1,2}{,}{%leave{}%{v}}") == "x1x2");
    t.add("early", "a%if{1}{b%return{}c}d");
    CHECK(t.eval("[%early{}]%call{early}") == "[ab]ab");
    t.add("empty", "a%abort{}b");
    CHECK(t.eval("[%empty{}]") == "[]");
    CHECK(t.eval("%tmp{%let{x}{1}%return{}}%{x}") == "");
}

TEST_CASE("a host and resource named by variables are what primitives look at") {
    SampleCluster b;
    CHECK(b.eval("%replay-pos{} %tmp{%let{host}{nodea}%replay-pos{}} %replay-pos{}") == "10000000 70000000 10000000\n");
    CHECK(b.eval("%let{window}{5}%is-alive{nodea}%let{window}{50}%is-alive{nodea}") == "01\n");
    CHECK(b.eval("%let{res}{other}%resource-size{}|%let{resdir}{/mars/resource-vol1}%get-disk{}") == "|/dev/vg/vol1\n");
}

TEST_CASE("waiting polls within the budget, shows its progress, and fails when time is up") {
    SampleCluster b;
    b.view.apply("resource-vol1/actual-nodeb/is-attached -> 0");
    int polls = 0;
    b.outside.on_sleep = [&] {
        if (++polls == 2) b.view.apply("resource-vol1/actual-nodeb/is-attached -> 1");
    };
    CHECK(b.eval("%wait-is-attach-on{}done") == "done\n");
    CHECK(b.outside.printed ==
          "at nodeb: waiting 600 until actual 'is-attached' == '1'...\n"
          "at nodeb: waiting 599 until actual 'is-attached' == '1'...\n"
          "OK at nodeb: '/mars/resource-vol1/actual-nodeb/is-attached' has acceptable value '1'\n");
    b.outside.printed.clear();
    b.context.options.timeout = 3;
    CHECK(b.eval("%wait{primary}").starts_with("FAIL: Timeout reached."));
    CHECK(b.outside.printed.starts_with("waiting 3 until switch 'primary' == '1'....\n"));
    CHECK(b.outside.slept == 5);
    CHECK(b.eval("%wait{nonsense}").starts_with("FAIL: cannot wait for unknown condition 'nonsense'"));
}

TEST_CASE("tracing shows every call with what it yields") {
    VectorContext v(Compat::current);
    std::vector<std::string> steps;
    v.context.trace_user = &steps;
    v.context.trace = [](void* user, const TraceStep& step) {
        if (!step.entering)
            static_cast<std::vector<std::string>*>(user)->push_back(
                std::to_string(step.depth) + " " + std::string(step.source) + " -> " + std::string(step.value));
    };
    CHECK(v.eval("%let{x}{2}%+{%{x}}{3}") == "5");
    CHECK(steps == std::vector<std::string>{"1 %let{x}{2} -> ", "2 %{x} -> 2", "1 %+{%{x}}{3} -> 5"});
}

TEST_CASE("split brain is found, and warned about before a view") {
    SampleCluster b;
    CHECK(b.eval("%is-split-brain{}") == "0\n");
    auto with = [](const std::vector<std::string>& lines) {
        SampleCluster c;
        for (auto& line : lines) c.view.apply("resource-vol1/" + line);
        return c.eval("%is-split-brain{}");
    };
    CHECK(with({"replay-nodeb -> log-000000012-nodeb,10,0"}) == "1\n");
    CHECK(with({"log-000000012-nodeb = 5"}) == "1\n");
    // nodeb went on from the middle of log 11.
    CHECK(with({"replay-nodea -> log-000000011-nodea,40000000,0", "replay-nodeb -> log-000000012-nodeb,8192,0",
                "version-000000012-nodeb -> x,log-000000012-nodeb,8192:y,log-000000011-nodea,4096"}) == "1\n");
    CHECK(with({"version-000000012-nodea removed", "version-000000011-nodea removed"}) == "1\n");
    SampleCluster c;
    c.view.apply("resource-vol1/replay-nodeb -> log-000000012-nodeb,10,0");
    c.show("role");
    REQUIRE_FALSE(c.outside.warnings.empty());
    CHECK(c.outside.warnings.front().starts_with("SPLIT BRAIN"));
}

TEST_CASE("a frozen clock serves ages and times") {
    SampleCluster b;
    b.context.now = mars::Stamp{1650000100, 5};
    CHECK(b.eval("%time{} %real-time{} %replay-age{}") == "1650000100.000000005 1650000100 109\n");
}
