// SPDX-License-Identifier: GPL-2.0-or-later
// Units made anew, and what units themselves call. Spec: verbs 4.35; macro-language 6.7, 6.8.
// Tests: tests/unit/shell/verbs_systemd_test.cpp.
#include "shell/command/hosts.hpp"
#include "shell/command/together.hpp"
#include "shell/systemd/activation.hpp"
#include "shell/systemd/application_state.hpp"
#include "shell/systemd/lint.hpp"
#include "shell/systemd/regeneration.hpp"
#include "shell/verbs/verb_table.hpp"

namespace mars::shell {

namespace {

env::task<result<Step>> trigger_generate(VerbContext& ctx) {
    systemd::would_regenerate(ctx);
    if (!systemd::is_on(ctx)) co_return Step::done;
    MARS_CO_TRY_VOID(co_await systemd::regenerate(ctx));
    co_return Step::done;
}

// Last, so that mistakes in one template keep nothing else from its work.
env::task<result<Step>> trigger_check(VerbContext& ctx) {
    if (!systemd::is_on(ctx)) co_return Step::done;
    std::size_t errors = 0;
    systemd::with_generator(ctx, [&](const systemd::GeneratorInput& input) {
        for (const auto& finding : systemd::lint_templates(input)) {
            if (!finding.is_error) continue;
            ctx.out().warning("systemd templates: " + finding.place + ": " + finding.text);
            ++errors;
        }
    });
    if (errors == 0) co_return Step::done;
    co_return refusal("unit.template",
                      std::to_string(errors) + (errors == 1 ? " error" : " errors") +
                          " in the systemd templates of host " + ctx.self() +
                          ": what they give is not made, or does not work; next: marsadm templates check");
}

env::task<result<Step>> trigger_touch(VerbContext& ctx) {
    auto names = ctx.resources();
    if (ctx.request().resources.empty()) {
        MARS_CO_TRY_VOID(systemd::touch_trigger(ctx));
        if (auto global = ctx.view().get("todo-global/systemd-global-trigger"))
            ctx.set("todo-global/systemd-global-trigger", global->value);
        names = resources_of(ctx.view(), ctx.me());
    }
    for (const auto& name : names) {
        // Not by writing `systemd-want` anew: what this host knows of it may be older than what others want.
        VerbContext one(ctx.surroundings(), ctx.view(), ctx.request(), names, name);
        MARS_CO_TRY_VOID(systemd::touch_trigger(one));
    }
    co_return Step::done;
}

env::task<result<Step>> extern_generate(VerbContext& ctx) {
    systemd::would_regenerate(ctx, true);
    if (!systemd::is_on(ctx, true)) co_return Step::done;
    // Even if some unit cannot be made, those of the application may be there.
    auto generated = co_await systemd::regenerate(ctx);
    if (!generated && ctx.request().resources.empty()) co_return generated.error();
    co_return Step::done;
}

env::task<result<Step>> extern_activate(VerbContext& ctx) {
    if (ctx.request().resources.empty() || !systemd::is_on(ctx, true)) co_return Step::done;
    std::vector<std::string> failed;
    std::optional<failure> first;
    auto activate = [&](VerbContext& one) -> env::task<void> {
        auto done = co_await systemd::activate(one, true);
        if (done) co_return;
        one.out().error(one.label(done.error().text));
        failed.push_back(one.resource());
        if (!first) first = done.error();
    };
    // A `free` verb runs once for all resources: here each gets a context of its own.
    std::vector<std::unique_ptr<VerbContext>> contexts;
    std::vector<Job> jobs;
    for (const auto& name : ctx.resources()) {
        contexts.push_back(
            std::make_unique<VerbContext>(ctx.surroundings(), ctx.view(), ctx.request(), ctx.resources(), name));
        jobs.emplace_back("resource " + name, activate(*contexts.back()));
    }
    const auto all = jobs.size();
    co_await run_together(ctx.env(), std::move(jobs), all);
    if (!first) co_return Step::done;
    if (failed.size() < ctx.resources().size()) ctx.note_partly_done();
    if (failed.size() == 1) co_return *first;
    std::string names;
    for (const auto& name : failed) names += (names.empty() ? "" : ", ") + name;
    co_return refusal("unit.job", "the units of these resources did not do as they should: " + names);
}

env::task<result<Step>> publish_state(VerbContext& ctx) {
    const auto& word = ctx.argument(0);
    if (word != "active" && word != "ended")
        co_return refusal("usage.arg", "expected active or ended, found '" + word + "'");
    if (!systemd::is_on(ctx, true)) co_return Step::done;
    MARS_CO_TRY_VOID(co_await systemd::publish_application(ctx, word == "ended"));
    co_return Step::done;
}

} // namespace

const std::vector<Verb>& trigger_verbs() {
    static const std::vector<Verb> verbs = {
        {.name = "systemd-trigger",
         .aliases = {},
         .family = Family::role,
         .level = kExpert,
         .resource = ResourceArgument::free,
         .arguments = {},
         .options = {"systemd-enable"},
         .flags = kWrites | kNoUuid | kNoMemberCheck,
         .phases = {{.number = 1, .title = "generate units", .run = trigger_generate, .name = "generate"},
                    {.number = 2, .title = "touch the trigger files", .run = trigger_touch, .name = "touch"},
                    {.number = 3, .title = "check the templates", .run = trigger_check, .name = "check"}},
         .summary = "Makes the units of this host anew, and has systemd look after its applications.",
         .doc = "To be called after templates were changed; fails when they have errors. Does nothing to units when "
                "called by systemd itself.",
         .errors = {"unit.template", "unit.write", "unit.job", "unit.bus"}},
        {.name = "systemd-trigger-extern",
         .aliases = {},
         .family = Family::role,
         .level = kInternal,
         .resource = ResourceArgument::free,
         .arguments = {},
         .options = {"timeout"},
         .flags = kWrites | kNoUuid | kNoMemberCheck,
         .phases = {{.number = 1, .title = "generate units", .run = extern_generate, .name = "generate"},
                    {.number = 2, .title = "start or stop", .run = extern_activate, .name = "activate"}},
         .summary = "What generated units call: makes units anew, starts or stops the application of RES.",
         .doc = "Without RES only the units are made.",
         .errors = {"unit.write", "unit.job", "unit.bus", "unit.stop"}},
        {.name = "systemd-application-extern",
         .aliases = {},
         .family = Family::role,
         .level = kInternal,
         .resource = ResourceArgument::list,
         .arguments = {{"active|ended", ArgumentType::text, true, false, "what has become of its start unit"}},
         .options = {"timeout"},
         .flags = kWrites | kNoUuid | kNoMemberCheck,
         .phases = {{.number = 1, .title = "", .run = publish_state}},
         .summary = "What a generated unit calls: tells every host whether the application of RES runs here.",
         .doc = "ended: of the start unit, as systemd knows it: inactive or failed.",
         .errors = {"usage.arg", "unit.bus"}},
    };
    return verbs;
}

} // namespace mars::shell
