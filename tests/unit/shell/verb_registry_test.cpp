// SPDX-License-Identifier: GPL-2.0-or-later
// Verbs that are added while a program runs appear wherever a verb appears, and cannot replace one.
#include "shell/command/verb_registry.hpp"
#include "shell/terminal/help.hpp"
#include "shell/verbs/verb_table.hpp"
#include "tests/unit/shell/fixture.hpp"

using namespace mars;
using namespace mars::shell;
using namespace mars::shell::testing;

namespace {

env::task<result<Step>> say(VerbContext& ctx) {
    ctx.out().answer("said " + ctx.argument(0));
    co_return Step::done;
}

AddedVerb added(std::string name) {
    AddedVerb verb;
    verb.provider = "plugin acme";
    verb.name = std::move(name);
    verb.summary = "Says a word.";
    verb.doc = "And nothing else.";
    verb.arguments.push_back({"WORD", ArgumentType::text, true, false, "what to say"});
    verb.flags = kReads | kInformational | kNoUuid | kAnyUser | kNoTree;
    verb.run = say;
    return verb;
}

} // namespace

TEST_CASE("an added verb is parsed, run, suggested and explained like any other") {
    VerbRegistry registry(all_verbs());
    REQUIRE(registry.add(added("acme-say")));
    auto request = parse_command_line({"acme-say", "hello"}, Options(), registry);
    REQUIRE(request);
    CHECK(request->arguments == Words{"hello"});
    CHECK_FALSE(parse_command_line({"acme-say"}, Options(), registry));
    CHECK_FALSE(parse_command_line({"acme-say", "hello"}, Options(), built_in_verbs()));
    CHECK(registry.suggest("acme-sya") == "acme-say");
    CHECK(overview(0, registry).find("From plugins\n  acme-say WORD\n") != std::string::npos);
    CHECK(verb_help(*registry.find("acme-say")).find("what to say") != std::string::npos);
    CHECK(registry.provider_of(*registry.find("acme-say")) == "plugin acme");
    CHECK(registry.provider_of(*registry.find("view")).empty());

    Site site;
    auto process = site.machine.start_process("marsadm");
    Surroundings surroundings{*process, site.local, site.remote, site.output, {}};
    surroundings.verbs = &registry;
    env::TaskGroup group(*process);
    auto body = [](Surroundings& where) -> env::task<void> {
        Options defaults;
        Words words{"acme-say", "hello"};
        auto ran = co_await run_words(where, std::move(words), std::move(defaults));
        CHECK(ran.exit == 0);
    };
    group.spawn("verb", body(surroundings));
    REQUIRE(site.world.run_until([&] { return group.live() == 0; }, 1min));
    CHECK(site.output.text(Severity::answer) == "said hello\n");
}

TEST_CASE("an added verb cannot take a name that exists or means something else") {
    VerbRegistry registry(all_verbs());
    REQUIRE(registry.add(added("acme-say")));
    for (const char* name : {"acme-say", "primary", "connect", "view-default", "force-acme", "a b", ""}) {
        INFO(name);
        auto refused = registry.add(added(name));
        REQUIRE_FALSE(refused);
        CHECK(has_reason(refused.error(), "usage.verb"));
    }
}

TEST_CASE("what adds verbs is asked once, and only when the table has no answer") {
    VerbRegistry registry(all_verbs());
    int asked = 0;
    registry.set_source([&](VerbRegistry& where) {
        ++asked;
        REQUIRE(where.add(added("acme-say")));
    });
    CHECK(registry.find("primary"));
    CHECK(asked == 0);
    CHECK(registry.find("acme-say"));
    CHECK_FALSE(registry.find("acme-other"));
    CHECK(registry.all().size() == all_verbs().size() + 1);
    CHECK(asked == 1);
}
