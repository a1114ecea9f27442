// SPDX-License-Identifier: GPL-2.0-or-later
// Primitives that a caller brings along.
#include "macros/added.hpp"

#include <catch2/catch.hpp>

#include <stdexcept>

#include "macros/tools/check.hpp"
#include "tests/unit/macros/fixture.hpp"

using namespace mars::macros;
using namespace mars::macros::testing;
using Args = std::vector<std::string>;

namespace {

AddedPrimitive joined(const std::string& name, int least, int most) {
    return {name, "{a}[{b}]", least, most, "Joins.", [](const Args& args) -> mars::result<std::string> {
                std::string text;
                for (auto& arg : args) text += "<" + arg + ">";
                return text;
            }};
}

} // namespace

TEST_CASE("an added primitive is called with its evaluated arguments, in both modes") {
    for (auto compat : {Compat::current, Compat::v01a}) {
        AddedPrimitives added;
        REQUIRE(added.add(joined("join-acme", 1, 2)));
        VectorContext v(compat);
        v.context.added = &added;
        CHECK(v.eval("%join-acme{%{host}}{%+{1}{2}}{%die{never evaluated}}") == "<alpha><3>");
        CHECK(v.eval("%primitive-join-acme{x}") == "<x>");
        CHECK(v.eval("%primitive-join-acme") == "%primitive-join-acme");
        v.context.macro_text.clear();
        CHECK(*Session(v.context).view("join-acme", "", {"one", "two"}) == "<one><two>\n");
    }
}

TEST_CASE("a failure or exception of an added primitive ends the evaluation at the call") {
    AddedPrimitives added;
    auto fails = joined("fails", 0, 0);
    fails.function = [](const Args&) -> mars::result<std::string> {
        return mars::failure(std::errc::io_error, "no sensor");
    };
    auto throws = joined("throws", 0, 0);
    throws.function = [](const Args&) -> mars::result<std::string> { throw std::runtime_error("broken"); };
    REQUIRE(added.add(fails));
    REQUIRE(added.add(throws));
    REQUIRE(added.add(joined("needs-two", 2, 2)));
    VectorContext v(Compat::current);
    v.context.added = &added;
    auto text_of = [&](const std::string& text) {
        v.context.macro_text = text;
        auto shown = Session(v.context).view("default", "");
        return shown ? *shown : shown.error().text;
    };
    CHECK(text_of("a %fails{}") == "no sensor\n  at --macro:1:3\n    a %fails{}\n      ^");
    CHECK(text_of("%throws{}").starts_with("throws: broken\n  at --macro:1:1"));
    CHECK(text_of("%needs-two{1}").starts_with("'needs-two' wants at least 2 arguments\n"));
}

TEST_CASE("names of added primitives are checked") {
    AddedPrimitives added;
    for (auto* name : {"", "1x", "a b", "a{b", "primitive-x", "-x"})
        CHECK(added.add(joined(name, 0, 1)).error().is(std::errc::invalid_argument));
    for (auto* name : {"if", "sync-rest", "syncrest", "diskstate"})
        CHECK(added.add(joined(name, 0, 1)).error().is(std::errc::file_exists));
    CHECK(added.add(joined("x", 2, 1)).error().is(std::errc::invalid_argument));
    CHECK(added.add(joined("x", 0, 10)).error().is(std::errc::invalid_argument));
    CHECK(added.add({"x", "", 0, 0, "", nullptr}).error().is(std::errc::invalid_argument));
    REQUIRE(added.add(joined("x", 0, 1)));
    CHECK(added.add(joined("x", 0, 1)).error().is(std::errc::file_exists));
    added.remove("x");
    CHECK(added.find("x") == nullptr);
    CHECK(added.names().empty());
}

TEST_CASE("check knows added primitives, templates override them, the list shows them") {
    AddedPrimitives added;
    REQUIRE(added.add(joined("join-acme", 1, 2)));
    VectorContext v(Compat::current);
    v.context.added = &added;
    v.context.search_path = {"."};
    Session session(v.context);
    CHECK(check(session, **parse("%join-acme{1}{2}", "t.tpl")).empty());
    auto findings = check(session, **parse("%join-acme{1}{2}{3}%join-acm{1}", "t.tpl"));
    REQUIRE(findings.size() == 2);
    CHECK(findings[0].text == "argument 3 of 'join-acme' is never read: %join-acme{a}[{b}]");
    CHECK(findings[1].text == "unknown macro 'join-acm'; is 'join-acme' meant?");
    v.outside.contents["./join-acme.tpl"] = "mine";
    CHECK(v.eval("%join-acme{1}") == "mine");
}

TEST_CASE("a session evaluates pieces of another text, and keeps their assignments") {
    SampleCluster b;
    Session session(b.context);
    session.begin("systemd-trigger", "vol1");
    session.set_variable("name", "unit");
    CHECK(*session.evaluate_more(*parse("%let{x}{%{res}-%{cmd}}", "piece")) == "");
    CHECK(*session.evaluate_more(*parse("[%{x}] %{name} %get-primary{}", "piece")) ==
          "[vol1-systemd-trigger] unit nodea");
    CHECK(session.variable("x") == "vol1-systemd-trigger");
    CHECK_FALSE(session.variable("nosuch"));
    session.begin("systemd-trigger", "vol1");
    CHECK_FALSE(session.variable("x"));
}
