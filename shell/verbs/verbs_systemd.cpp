// SPDX-License-Identifier: GPL-2.0-or-later
// Verbs about the units of resources. Spec: verbs 3.7, 4.33 … 4.35. Tests: tests/unit/shell/verbs_systemd_test.cpp.
#include <algorithm>

#include "kernel/env/task_group.hpp"
#include "shell/command/checks.hpp"
#include "shell/command/hosts.hpp"
#include "shell/command/wait.hpp"
#include "shell/systemd/activation.hpp"
#include "shell/systemd/application_state.hpp"
#include "shell/systemd/lint.hpp"
#include "shell/systemd/phases.hpp"
#include "shell/systemd/target_check.hpp"
#include "shell/systemd/unit_names.hpp"
#include "shell/terminal/completions.hpp"
#include "shell/verbs/verb_table.hpp"

namespace mars::shell {

using namespace std::chrono_literals;

namespace {

constexpr Duration kRetouch = 5s;

failure no_systemd() {
    return refusal("unit.bus", "templates are not at work here: /etc/marsadm and /run/systemd/system must exist, and "
                               "systemd must run; after that: marsadm systemd-trigger");
}

void replace_all(std::string& text, const std::string& what, const std::string& by) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
        text.replace(at, what.size(), by);
}

// A unit as given: a keyword becomes the unit it stands for, and the resource's name in it is escaped.
result<std::string> unit_from_argument(VerbContext& ctx, const std::string& given, std::string_view kind) {
    std::string unit = given;
    if (systemd::is_keyword(given)) {
        if (!ctx.surroundings().systemd) return no_systemd();
        result<std::string> found(no_systemd());
        systemd::with_generator(ctx, [&](const systemd::GeneratorInput& input) {
            found = systemd::unit_of_keyword(input, ctx.resource(), given, kind);
        });
        return found;
    }
    const auto escaped = systemd::escape_path(ctx.resource());
    if (escaped != ctx.resource()) replace_all(unit, ctx.resource(), escaped);
    const bool is_script = unit.ends_with(".script") && unit.find('/') == std::string::npos;
    if (is_script || systemd::is_unit_name(unit)) return unit;
    return refusal("usage.arg", "'" + given + "' is no name of a unit, like vol-" + escaped + ".mount");
}

bool is_provided(const VerbContext& ctx, const systemd::GeneratorInput& input, const systemd::Generation& generation,
                 const std::string& unit) {
    const auto script = input.settings.scripts() + "/" + unit;
    return generation.find(unit) || input.is_installed(unit) ||
           (unit.ends_with(".script") && ctx.env().storage().status(script));
}

// Units that neither a template of this host gives nor anybody has installed here could never run.
result<void> check_units_exist(VerbContext& ctx, const std::vector<std::string>& units) {
    if (!ctx.surroundings().systemd || ctx.me() != ctx.self()) return {};
    std::string missing;
    std::string why;
    systemd::with_generator(ctx, [&](const systemd::GeneratorInput& input) {
        auto wanted = input;
        for (const auto& unit : units) wanted.also.emplace_back(ctx.resource(), unit);
        const auto generation = systemd::generate_units(wanted);
        for (const auto& unit : units)
            if (!is_provided(ctx, wanted, generation, unit) && missing.find(unit) == std::string::npos)
                missing += (missing.empty() ? "" : " and ") + unit;
        for (const auto& finding : generation.findings)
            if (finding.is_error) why += "; " + finding.place + ": " + finding.text;
    });
    if (missing.empty()) return {};
    return ctx.overridable("unit.missing", "on host " + ctx.self() + " no template gives " + missing +
                                               ", and nobody has installed it" + why +
                                               "; next: marsadm templates list, or put a template into " +
                                               ctx.surroundings().systemd->settings().etc + "/" +
                                               ctx.surroundings().systemd->settings().subdir);
}

env::task<result<Step>> set_unit(VerbContext& ctx) {
    const auto& start = ctx.argument(0);
    if (start.empty()) {
        for (auto key : {"systemd-start-unit", "systemd-stop-unit", "systemd-want"}) ctx.remove(ctx.key(key));
        ctx.tell_when_written("systemd does not care for it any more; what runs goes on");
        co_return Step::done;
    }
    MARS_CO_TRY(auto start_name, unit_from_argument(ctx, start, "START"));
    auto stop_name = start_name;
    if (!ctx.argument(1).empty() || systemd::is_keyword(start)) {
        const auto& stop = ctx.argument(1).empty() ? start : ctx.argument(1);
        MARS_CO_TRY(stop_name, unit_from_argument(ctx, stop, "STOP"));
    }
    MARS_CO_TRY_VOID(check_units_exist(ctx, {start_name, stop_name}));
    ctx.set(ctx.key("systemd-start-unit"), start_name);
    ctx.set(ctx.key("systemd-stop-unit"), stop_name);
    ctx.set(ctx.key("systemd-want"), ctx.view().value(ctx.key("primary"), tree::kNone));
    ctx.tell_when_written("where it is primary, " + start_name + " runs; to leave, " + stop_name + " is stopped");
    co_return Step::done;
}

// What was asked for was the units: without them it has failed.
env::task<result<Step>> make_units(VerbContext& ctx) {
    systemd::would_regenerate(ctx);
    if (!systemd::is_on(ctx)) co_return Step::done;
    MARS_CO_TRY_VOID(co_await ctx.commit());
    auto generated = co_await systemd::regenerate(ctx);
    if (generated) co_return Step::done;
    auto why = generated.error();
    why.text = "its units are set, but not made on host " + ctx.self() + ": " + why.text +
               "; next, when that is cured: marsadm systemd-trigger";
    co_return why;
}

env::task<result<Step>> set_want(VerbContext& ctx) {
    const auto& host = ctx.argument(0);
    if (host != tree::kNone) MARS_CO_TRY_VOID(check_host_known(ctx, host));
    if (!systemd::has_units(ctx))
        MARS_CO_TRY_VOID(ctx.overridable("unit.none", "it has no units; next: marsadm set-systemd-unit " +
                                                          ctx.resource() + " START [STOP]"));
    if (systemd::wanted_host(ctx) == host) co_return Step::done;
    // What cannot start here had better not be stopped where it may run.
    if (host == ctx.me()) MARS_CO_TRY_VOID(co_await systemd::check_target(ctx));
    ctx.set(ctx.key("systemd-want"), host);
    ctx.tell_when_written("its application is wanted on " + host);
    co_return Step::done;
}

// Last: what runs is worth more than what is missing, which may concern another resource.
env::task<result<Step>> make_units_of_want(VerbContext& ctx) {
    if (ctx.argument(0) == ctx.self()) systemd::would_regenerate(ctx);
    if (ctx.argument(0) != ctx.self() || !systemd::is_on(ctx)) co_return Step::done;
    auto generated = co_await systemd::regenerate(ctx);
    if (generated) co_return Step::done;
    auto why = generated.error();
    why.text = "its application is wanted on " + ctx.self() + ", but not all units of host " + ctx.self() +
               " are made: " + why.text + "; next, when that is cured: marsadm systemd-trigger";
    if (!ctx.is_forced()) co_return why;
    ctx.out().warning(ctx.label(why.text));
    co_return Step::done;
}

// The device is open at the wanted host, or closed everywhere.
bool is_want_fulfilled(VerbContext& ctx, const std::string& want) {
    if (want != tree::kNone) {
        auto alive = ctx.view().get("actual-" + want + "/alive");
        const bool is_heard = alive && is_recent(ctx, alive->stamp);
        if (!is_heard || !ctx.view().flag(ctx.actual(want, "if-on"))) return true; // reported once, below
        return !is_indicator(ctx, want, "open-count", "0");
    }
    for (const auto& host : hosts_of(ctx.view(), ctx.resource())) {
        auto alive = ctx.view().get("actual-" + host + "/alive");
        if (alive && is_recent(ctx, alive->stamp) && !is_indicator(ctx, host, "open-count", "0") &&
            ctx.view().get(ctx.actual(host, "open-count")))
            return false;
    }
    return true;
}

env::task<result<Step>> await_want(VerbContext& ctx) {
    const auto want = systemd::wanted_host(ctx).value_or(std::string(tree::kNone));
    if (ctx.is_forced() || ctx.is_dry_run()) co_return Step::done;
    if (systemd::is_on(ctx)) MARS_CO_TRY_VOID(co_await systemd::activate(ctx));
    if (!is_want_fulfilled(ctx, want)) {
        auto link = ctx.view().get(ctx.key("systemd-want"));
        if (link && ctx.age(link->stamp) > kRetouch) ctx.set(ctx.key("systemd-want"), want); // wakes systemd there
        co_return Step::again;
    }
    if (want != tree::kNone && !ctx.view().flag(ctx.actual(want, "if-on")))
        ctx.out().warning(ctx.label("the device is not there on host " + want +
                                    " (or nothing is heard of it); its application starts when it appears"));
    co_return Step::done;
}

env::task<result<Step>> print_units(VerbContext& ctx) {
    auto start = ctx.view().value(ctx.key("systemd-start-unit"));
    auto stop = ctx.view().value(ctx.key("systemd-stop-unit"));
    if (!start.empty()) ctx.out().answer(stop.empty() ? start : start + " " + stop);
    co_return Step::done;
}

env::task<result<Step>> print_want(VerbContext& ctx) {
    ctx.out().answer(systemd::wanted_host(ctx).value_or(""));
    co_return Step::done;
}

// `free` verbs run once for all resources: each gets a context of its own.
using EachResource = std::function<env::task<void>(VerbContext&)>;

env::task<void> for_each_resource(VerbContext& ctx, std::vector<std::string> names, EachResource work) {
    env::TaskGroup group(ctx.env());
    std::vector<std::unique_ptr<VerbContext>> contexts;
    for (const auto& name : names) {
        contexts.push_back(std::make_unique<VerbContext>(ctx.surroundings(), ctx.view(), ctx.request(), names, name));
        group.spawn("resource " + name, work(*contexts.back()));
    }
    std::exception_ptr cancelled;
    try {
        co_await group.join();
    } catch (...) {
        cancelled = std::current_exception();
    }
    if (!cancelled) co_return;
    co_await env::asio::this_coro::throw_if_cancelled(false);
    co_await group.stop();
    std::rethrow_exception(cancelled);
}

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
    EachResource work = [&](VerbContext& one) -> env::task<void> {
        auto done = co_await systemd::activate(one, true);
        if (done) co_return;
        one.out().error(one.label(done.error().text));
        failed.push_back(one.resource());
        if (!first) first = done.error();
    };
    co_await for_each_resource(ctx, ctx.resources(), std::move(work));
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

// --- templates check | list | show UNIT ---

std::string finding_text(const systemd::Finding& finding) {
    return finding.place + ": " + (finding.is_error ? "error: " : "warning: ") + finding.text;
}

result<void> check_templates(VerbContext& ctx) {
    std::vector<systemd::Finding> findings;
    std::size_t count = 0;
    std::vector<std::string> directories;
    systemd::with_generator(ctx, [&](const systemd::GeneratorInput& input) {
        findings = systemd::lint_templates(input);
        count = input.templates.all.size();
        directories = input.templates.directories;
    });
    std::size_t errors = 0;
    for (const auto& finding : findings) {
        errors += finding.is_error ? 1 : 0;
        ctx.out().answer(finding_text(finding));
    }
    ctx.out().answer(std::to_string(count) + " templates in " + std::to_string(directories.size()) + " directories: " +
                     std::to_string(errors) + " errors, " + std::to_string(findings.size() - errors) + " warnings");
    if (errors == 0) return {};
    return refusal("unit.template", std::to_string(errors) + " errors in templates, see above");
}

void list_templates(VerbContext& ctx) {
    systemd::with_generator(ctx, [&](const systemd::GeneratorInput& input) {
        auto generation = systemd::generate_units(input);
        for (const auto& source : input.templates.all) {
            std::string line = source.path;
            for (const auto& unit : generation.units)
                if (unit.template_path == source.path) line += "\n    -> " + unit.path;
            ctx.out().answer(line);
        }
        if (input.templates.all.empty()) ctx.out().hint("there are no templates; see docs/systemd.md");
    });
}

result<void> show_unit(VerbContext& ctx, const std::string& name) {
    result<void> shown = refusal("unit.template", "no template gives a unit '" + name +
                                                      "' for the resources of this "
                                                      "host; which there are: marsadm templates list");
    systemd::with_generator(ctx, [&](const systemd::GeneratorInput& input) {
        auto generation = systemd::generate_units(input);
        const auto* unit = generation.find(name);
        if (!unit) return;
        auto text = unit->content;
        if (text.ends_with('\n')) text.pop_back();
        ctx.out().answer(text);
        shown = result<void>();
    });
    return shown;
}

env::task<result<Step>> templates(VerbContext& ctx) {
    const auto& what = ctx.argument(0);
    if (!ctx.surroundings().systemd) co_return no_systemd();
    if (what == "check") {
        MARS_CO_TRY_VOID(check_templates(ctx));
    } else if (what == "list") {
        list_templates(ctx);
    } else if (what == "show" && !ctx.argument(1).empty()) {
        MARS_CO_TRY_VOID(show_unit(ctx, ctx.argument(1)));
    } else {
        co_return refusal("usage.arg", "expected check, list, or show UNIT, found '" + what + "'");
    }
    co_return Step::done;
}

env::task<result<Step>> help_completion(VerbContext& ctx) {
    const auto& shell = ctx.argument(0);
    if (shell != "bash" && shell != "zsh")
        co_return refusal("usage.arg", "expected bash or zsh, found '" + shell + "'");
    auto text = shell == "bash" ? bash_completion(ctx.surroundings().registry())
                                : zsh_completion(ctx.surroundings().registry());
    text.pop_back();
    ctx.out().answer(text);
    co_return Step::done;
}

} // namespace

const std::vector<Verb>& systemd_verbs() {
    static const std::vector<Verb> verbs = {
        {.name = "set-systemd-unit",
         .aliases = {},
         .family = Family::role,
         .resource = ResourceArgument::list,
         .arguments = {{"START", ArgumentType::text, true, false,
                        "the unit at the top of the application's stack; \"\" takes the application out of systemd's "
                        "hands; a word in capitals K stands for the template with the line \"# K_START\"",
                        true},
                       {"STOP", ArgumentType::text, false, false,
                        "the unit at the bottom of the stack, directly above the device; else START"}},
         .options = {"force", "systemd-enable"},
         .flags = kWrites | kClusterWide,
         .phases = {{.number = 1, .title = "set", .run = set_unit, .name = "set"},
                    {.number = 2, .title = "generate units", .run = make_units, .name = "generate"}},
         .summary = "Lets systemd run the resource's application wherever the resource is primary.",
         .doc = "From now on primary and secondary stop and start the application along with the device: START is "
                "started "
                "where the resource becomes primary, STOP is stopped before it leaves. Stopping STOP must stop "
                "everything "
                "that uses the device. Units that no template of this host gives and nobody has installed are refused, "
                "--force: warning.",
         .errors = {"usage.arg", "unit.template", "unit.missing", "unit.write", "unit.job"}},
        {.name = "get-systemd-unit",
         .aliases = {},
         .family = Family::role,
         .resource = ResourceArgument::list,
         .arguments = {},
         .flags = kReads | kInformational,
         .phases = {{.number = 1, .title = "", .run = print_units}},
         .summary = "Prints the start unit and the stop unit of a resource.",
         .doc = "Nothing when it has none."},
        {.name = "set-systemd-want",
         .aliases = {},
         .family = Family::role,
         .resource = ResourceArgument::list,
         .arguments = {{"HOST", ArgumentType::who, true, false, "where the application shall run; (none): nowhere"}},
         .options = {"timeout", "force", "systemd-enable"},
         .flags = kWrites | kClusterWide,
         .phases = {{.number = 1, .title = "set", .run = set_want, .name = "set"},
                    {.number = 2,
                     .title = "wait for the application",
                     .run = await_want,
                     .loop = true,
                     .stuck = says("look at: systemctl status, journalctl -u of its units on the hosts concerned"),
                     .name = "await"},
                    {.number = 3, .title = "generate units", .run = make_units_of_want, .name = "generate"}},
         .summary = "Starts or stops the application of a resource, without moving the primary role.",
         .doc =
             "(none) stops the application and leaves the device alone, the name of the primary starts it again. "
             "Waits until the device is open there, or closed everywhere. When it is this host, its units are made and "
             "checked first; when others of this host cannot be made, the application is started all the same, and the "
             "verb fails: marsadm systemd-trigger, when that is cured. --force does not wait, and ignores what is "
             "missing.",
         .errors = {"name.nohost", "unit.none", "unit.target", "unit.write", "unit.bus", "device.blocked", "unit.job",
                    "unit.stop", "wait.phase"}},
        {.name = "get-systemd-want",
         .aliases = {},
         .family = Family::role,
         .resource = ResourceArgument::list,
         .arguments = {},
         .flags = kReads | kInformational,
         .phases = {{.number = 1, .title = "", .run = print_want}},
         .summary = "Prints where the application of a resource shall run.",
         .doc = "A host, (none), or an empty line when systemd has nothing to do with it."},
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
        {.name = "templates",
         .aliases = {},
         .family = Family::view,
         .resource = ResourceArgument::none,
         .arguments = {{"check|list|show", ArgumentType::text, true, false, "what to do"},
                       {"UNIT", ArgumentType::text, false, false, "to be shown"}},
         .flags = kReads | kInformational | kNoUuid | kAnyUser,
         .phases = {{.number = 1, .title = "", .run = templates}},
         .summary =
             "Looks at systemd templates: check finds mistakes, list says what comes of them, show prints a unit.",
         .doc =
             "check reports what cannot be expanded, unknown variables and macros, names that give no unit, references "
             "to units which do not exist, and wrong sections and lines; it fails when there are errors. Nothing is "
             "written.",
         .errors = {"usage.arg", "unit.template"}},
        {.name = "help-completion",
         .aliases = {},
         .family = Family::view,
         .level = kInternal,
         .resource = ResourceArgument::none,
         .arguments = {{"bash|zsh", ArgumentType::text, true, false, "the shell"}},
         .flags = kReads | kInformational | kNoUuid | kAnyUser | kNoTree,
         .phases = {{.number = 1, .title = "", .run = help_completion}},
         .summary = "Prints the completion of marsadm for a shell.",
         .doc = "It is made from the same tables as the help.",
         .errors = {"usage.arg"}},
    };
    return verbs;
}

} // namespace mars::shell
