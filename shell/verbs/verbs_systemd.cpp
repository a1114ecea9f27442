// SPDX-License-Identifier: GPL-2.0-or-later
// Verbs about the units of resources. Spec: verbs 3.7, 4.33 … 4.35. Tests: tests/unit/shell/verbs_systemd_test.cpp.
#include <algorithm>

#include "kernel/base/replace.hpp"
#include "shell/command/checks.hpp"
#include "shell/command/hosts.hpp"
#include "shell/command/wait.hpp"
#include "shell/systemd/activation.hpp"
#include "shell/systemd/phases.hpp"
#include "shell/systemd/regeneration.hpp"
#include "shell/systemd/target_check.hpp"
#include "shell/systemd/unit_names.hpp"
#include "shell/verbs/verb_table.hpp"

namespace mars::shell {

using namespace std::chrono_literals;

namespace {

constexpr Duration kRetouch = 5s;

// A unit as given: a keyword becomes the unit it stands for, and the resource's name in it is escaped.
result<std::string> unit_from_argument(VerbContext& ctx, const std::string& given, std::string_view kind) {
    if (systemd::is_keyword(given)) {
        if (!ctx.surroundings().systemd) return systemd::no_systemd();
        result<std::string> found(systemd::no_systemd());
        systemd::with_generator(ctx, [&](const systemd::GeneratorInput& input) {
            found = systemd::unit_of_keyword(input, ctx.resource(), given, kind);
        });
        return found;
    }
    const auto escaped = systemd::escape_path(ctx.resource());
    const auto unit = escaped == ctx.resource() ? given : replaced(given, ctx.resource(), escaped);
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
    };
    return verbs;
}

} // namespace mars::shell
