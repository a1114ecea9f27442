// SPDX-License-Identifier: GPL-2.0-or-later
// Verbs that move the switches of a resource: attach and detach, up and down, fetch, replay, sync.
// Spec: verbs 4.12 … 4.16. Tests: tests/unit/shell/verbs_switch_test.cpp.
#include <array>

#include "kernel/base/number.hpp"
#include "shell/command/checks.hpp"
#include "shell/command/hosts.hpp"
#include "shell/command/wait.hpp"
#include "shell/steps/switches.hpp"
#include "shell/systemd/phases.hpp"
#include "shell/verbs/verb_table.hpp"

namespace mars::shell {

void turn_switch(VerbContext& ctx, const std::string& host, std::string_view name, bool on) {
    auto path = ctx.todo(host, name);
    if (on && ctx.view().flag(path)) {
        ctx.out().info(ctx.label(std::string(name) + " is already on at host " + host));
        return;
    }
    ctx.set(path, on ? "1" : "0");
    ctx.tell_when_written(std::string(name) + (on ? " is switched on" : " is switched off") + " at host " + host);
}

void turn_all_on(VerbContext& ctx) {
    turn_switch(ctx, ctx.me(), "attach", true);
    turn_switch(ctx, ctx.me(), "connect", true);
    if (auto source = check_sync_source(ctx); source)
        turn_switch(ctx, ctx.me(), "sync", true);
    else
        ctx.out().warning(ctx.label("the switch sync is left alone: " + source.error().text));
    turn_switch(ctx, ctx.me(), "allow-replay", true);
}

void turn_all_off(VerbContext& ctx) {
    for (auto name : {"allow-replay", "sync", "connect", "attach"}) turn_switch(ctx, ctx.me(), name, false);
}

namespace {

enum class Switch { connect, replay, sync };
enum class Scope { local, global };

constexpr std::string_view key_of(Switch which) {
    return which == Switch::connect ? "connect" : which == Switch::replay ? "allow-replay" : "sync";
}

// Hosts that have a directory todo-HOST in the resource.
std::vector<std::string> switched_hosts(const VerbContext& ctx, Scope scope) {
    if (scope == Scope::local) return {ctx.me()};
    return ctx.view().suffixes(tree::resource_dir(ctx.resource()), "todo-");
}

template<Switch which, bool on, Scope scope>
env::task<result<Step>> turn(VerbContext& ctx) {
    if (which == Switch::sync && on) MARS_CO_TRY_VOID(check_sync_source(ctx));
    for (const auto& host : switched_hosts(ctx, scope)) turn_switch(ctx, host, key_of(which), on);
    co_return Step::done;
}

// The device is in use by an application that systemd can stop: then it shall close it.
env::task<result<void>> close_by_systemd(VerbContext& ctx) {
    turn_switch(ctx, ctx.me(), "attach", false);
    auto stopped = co_await systemd::stop_here(ctx);
    if (stopped) {
        MARS_CO_TRY_VOID(co_await wait_indicator(ctx, ctx.me(), "open-count", "0"));
        MARS_CO_TRY_VOID(co_await wait_cluster(ctx, hosts_of(ctx.view(), ctx.resource())));
        co_return result<void>();
    }
    turn_switch(ctx, ctx.me(), "attach", true);
    (void)co_await systemd::stop_here(ctx); // what was stopped of its stack runs again
    co_return stopped;
}

env::task<result<Step>> check_closed(VerbContext& ctx) {
    const bool is_open = !is_indicator(ctx, ctx.me(), "open-count", "0");
    if (is_open && !ctx.is_forced() && systemd::has_application(ctx)) {
        if (ctx.is_dry_run())
            ctx.would("stop the application on host " + ctx.me() + ", and wait until its device is closed");
        else
            MARS_CO_TRY_VOID(co_await close_by_systemd(ctx));
        co_return Step::done;
    }
    MARS_CO_TRY_VOID(check_not_open(ctx, ctx.me()));
    co_return Step::done;
}

env::task<result<Step>> attach_on(VerbContext& ctx) {
    turn_switch(ctx, ctx.me(), "attach", true);
    co_return Step::done;
}

env::task<result<Step>> attach_off(VerbContext& ctx) {
    turn_switch(ctx, ctx.me(), "attach", false);
    co_return Step::done;
}

env::task<result<Step>> up(VerbContext& ctx) {
    turn_all_on(ctx);
    co_return Step::done;
}

env::task<result<Step>> down(VerbContext& ctx) {
    turn_all_off(ctx);
    co_return Step::done;
}

// Nothing will move while nobody is there to move it.
bool is_waiting_in_vain(VerbContext& ctx) {
    if (ctx.is_forced()) return true;
    if (ctx.me() != ctx.self() || ctx.is_marsd_running()) return false;
    ctx.out().warning(ctx.label("marsd does not run, this takes effect when it is started: systemctl start marsd"));
    return true;
}

env::task<result<Step>> wait_on(VerbContext& ctx) {
    if (is_waiting_in_vain(ctx)) co_return Step::done;
    MARS_CO_TRY_VOID(co_await wait_attached(ctx));
    co_return Step::done;
}

env::task<result<Step>> wait_off(VerbContext& ctx) {
    if (is_waiting_in_vain(ctx)) co_return Step::done;
    MARS_CO_TRY_VOID(co_await wait_indicator(ctx, ctx.me(), "is-attached", "0"));
    MARS_CO_TRY_VOID(co_await wait_device(ctx, false));
    MARS_CO_TRY_VOID(co_await wait_indicator(ctx, ctx.me(), "is-replaying", "0"));
    MARS_CO_TRY_VOID(co_await wait_indicator(ctx, ctx.me(), "is-syncing", "0"));
    co_return Step::done;
}

Verb multi(std::string_view name, std::vector<Phase> phases, std::string_view summary, std::string_view doc,
           std::vector<std::string_view> errors) {
    return {.name = name,
            .aliases = {},
            .family = Family::switches,
            .resource = ResourceArgument::list,
            .arguments = {},
            .options = {"timeout", "force"},
            .flags = kWrites,
            .phases = std::move(phases),
            .summary = summary,
            .doc = doc,
            .errors = std::move(errors)};
}

Verb single(std::vector<std::string_view> names, unsigned flags, PhaseFunction run, std::string_view summary,
            std::string_view doc, std::vector<std::string_view> errors = {}) {
    auto name = names.front();
    names.erase(names.begin());
    return {.name = name,
            .aliases = std::move(names),
            .family = Family::switches,
            .resource = ResourceArgument::list,
            .arguments = {},
            .flags = flags,
            .phases = {{.number = 1, .title = "", .run = run}},
            .summary = summary,
            .doc = doc,
            .errors = std::move(errors)};
}

constexpr std::string_view kFetchDoc = "Only the transfer of logfiles is meant; the members go on exchanging their "
                                       "state. The switch is remembered, also on "
                                       "a primary, where it has no immediate effect. Nothing is waited for.";
constexpr std::string_view kReplayDoc = "While replay is paused, logs pile up on all hosts, because none may be "
                                        "deleted that a member still needs. Useful on "
                                        "secondaries only. Nothing is waited for.";
constexpr std::string_view kSyncDoc = "An interrupted sync goes on where it was. The switch is remembered for later "
                                      "syncs as well. Nothing is waited for.";

} // namespace

namespace {

std::string sync_limit_key(const VerbContext& ctx) {
    return "defaults-" + ctx.me() + "/sync-limit";
}

env::task<result<Step>> set_sync_limit(VerbContext& ctx) {
    const auto limit = parse_number<std::uint32_t>(ctx.argument(0));
    if (!limit)
        co_return refusal("usage.arg",
                          "expected a number of resources, 0 for no limit, found '" + ctx.argument(0) + "'");
    ctx.make_directory("defaults-" + ctx.me());
    ctx.set(sync_limit_key(ctx), std::to_string(*limit));
    co_return Step::done;
}

env::task<result<Step>> get_sync_limit(VerbContext& ctx) {
    ctx.out().answer(ctx.view().value(sync_limit_key(ctx), "0"));
    co_return Step::done;
}

} // namespace

const std::vector<Verb>& switch_verbs() {
    static const std::vector<Verb> verbs = {
        multi("attach",
              {{.number = 3, .title = "switch on", .run = attach_on, .name = "switch-on"},
               {.number = 4, .title = "wait", .run = wait_on, .name = "await-on", .together = true}},
              "Opens the disk and starts everything that is switched on.",
              "Waits until the disk is open. --force does not wait.", {"wait.indicator", "device.errlog"}),
        multi(
            "detach",
            {{.number = 1, .title = "check", .run = check_closed, .name = "check", .together = true},
             {.number = 3, .title = "switch off", .run = attach_off, .name = "switch-off"},
             {.number = 4, .title = "wait", .run = wait_off, .name = "await-off", .together = true}},
            "Closes the disk; all other switches keep their positions.",
            "Waits until disk and device are closed. Refused while the device is in use here. --force skips that check "
            "and the waiting: a device in use stays until it is closed.",
            {"device.inuse", "wait.indicator", "wait.device"}),
        multi("up",
              {{.number = 3, .title = "switch on", .run = up, .name = "switch-on"},
               {.number = 4, .title = "wait", .run = wait_on, .name = "await-on", .together = true}},
              "Switches attach, fetch, sync and replay on.",
              "Waits until the disk is open. When there is nothing to sync from, the switch sync is left alone, with a "
              "warning. --force does not wait.",
              {"wait.indicator", "device.errlog"}),
        multi("down",
              {{.number = 1, .title = "check", .run = check_closed, .name = "check", .together = true},
               {.number = 3, .title = "switch off", .run = down, .name = "switch-off"},
               {.number = 4, .title = "wait", .run = wait_off, .name = "await-off", .together = true}},
              "Switches replay, sync, fetch and attach off.",
              "Like detach, but forgets the positions of the other switches. --force skips the check for users of the "
              "device and the waiting.",
              {"device.inuse", "wait.indicator", "wait.device"}),
        single({"pause-fetch", "pause-fetch-local", "disconnect", "disconnect-local"}, kWrites,
               turn<Switch::connect, false, Scope::local>, "Stops fetching logfiles to this host.", kFetchDoc),
        single({"resume-fetch", "resume-fetch-local", "connect", "connect-local"}, kWrites,
               turn<Switch::connect, true, Scope::local>, "Lets this host fetch logfiles.", kFetchDoc),
        single({"pause-fetch-global", "disconnect-global", "disconnect-all"}, kWrites | kClusterWide,
               turn<Switch::connect, false, Scope::global>, "Stops fetching logfiles on all members.", kFetchDoc),
        single({"resume-fetch-global", "connect-global", "connect-all"}, kWrites | kClusterWide,
               turn<Switch::connect, true, Scope::global>, "Lets all members fetch logfiles.", kFetchDoc),
        single({"pause-replay", "pause-replay-local"}, kWrites, turn<Switch::replay, false, Scope::local>,
               "Freezes this host's replica: logs are fetched, but not applied.", kReplayDoc),
        single({"resume-replay", "resume-replay-local"}, kWrites, turn<Switch::replay, true, Scope::local>,
               "Lets this host apply logs to its replica.", kReplayDoc),
        single({"pause-replay-global"}, kWrites | kClusterWide, turn<Switch::replay, false, Scope::global>,
               "Freezes the replicas of all secondaries.", kReplayDoc),
        single({"resume-replay-global"}, kWrites | kClusterWide, turn<Switch::replay, true, Scope::global>,
               "Lets all secondaries apply logs.", kReplayDoc),
        single({"pause-sync", "pause-sync-local"}, kWrites, turn<Switch::sync, false, Scope::local>,
               "Interrupts the sync of this host's replica.", kSyncDoc),
        single({"resume-sync", "resume-sync-local"}, kWrites, turn<Switch::sync, true, Scope::local>,
               "Lets this host's replica sync from the primary.", kSyncDoc, {"role.none", "emergency.primary"}),
        single({"pause-sync-global"}, kWrites | kClusterWide, turn<Switch::sync, false, Scope::global>,
               "Interrupts the syncs of all members.", kSyncDoc),
        single({"resume-sync-global"}, kWrites | kClusterWide, turn<Switch::sync, true, Scope::global>,
               "Lets all members sync from the primary.", kSyncDoc, {"role.none", "emergency.primary"}),
        {.name = "set-global-sync-limit-value",
         .aliases = {"set-sync-limit-value"},
         .family = Family::switches,
         .resource = ResourceArgument::none,
         .arguments = {{"N", ArgumentType::text, true, false, "resources; 0: no limit"}},
         .flags = kWrites,
         .phases = {{.number = 1, .title = "set", .run = set_sync_limit, .name = "set"}},
         .summary = "Sets how many resources of this host may sync at the same time.",
         .doc = "Further ones wait until one of these has ended; those that are under way go on. Global means: of all "
                "resources of this host.",
         .errors = {"usage.arg"}},
        {.name = "get-global-sync-limit-value",
         .aliases = {"get-sync-limit-value"},
         .family = Family::switches,
         .resource = ResourceArgument::none,
         .arguments = {},
         .flags = kReads | kInformational,
         .phases = {{.number = 1, .title = "", .run = get_sync_limit}},
         .summary = "Prints how many resources of this host may sync at the same time.",
         .doc = "A number; 0: no limit."},
    };
    return verbs;
}

} // namespace mars::shell
