// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/systemd/phases.hpp"

#include "shell/command/hosts.hpp"
#include "shell/command/wait.hpp"
#include "shell/systemd/activation.hpp"
#include "shell/systemd/regeneration.hpp"

namespace mars::shell::systemd {

using namespace std::chrono_literals;

namespace {

constexpr Duration kRetouch = 5s; // how often the other host is reminded

std::string stop_status(const VerbContext& ctx, const std::string& host) {
    return ctx.key("userspace/systemd-status-stop-" + host);
}

// What is known about why the device at `old` is not closed.
std::string why_open(const VerbContext& ctx, const std::string& old, bool has_failed) {
    auto text = "its device is still open on host " + old;
    auto stop = stop_unit(ctx);
    if (has_failed)
        text += ", where stopping " + (stop.empty() ? "nothing (no stop unit)" : stop) + " has failed (" +
                stop_status(ctx, old) + " = " + ctx.view().value(stop_status(ctx, old)) + ")";
    if (auto users = known_users(ctx, old); !users.empty()) text += "; in use there: " + users;
    return text;
}

std::string what_next(const VerbContext& ctx, const std::string& old) {
    auto stop = stop_unit(ctx);
    return "; next, on " + old + ": " + (stop.empty() ? "" : "journalctl -u " + stop + "; ") +
           "systemctl status mars.path 'mars-*'; then here again: marsadm " + ctx.request().spelling + " " +
           ctx.resource();
}

} // namespace

env::task<result<Step>> generate_phase(VerbContext& ctx) {
    would_regenerate(ctx);
    if (!is_on(ctx)) co_return Step::done;
    MARS_CO_TRY_VOID(co_await ctx.commit());
    auto generated = co_await regenerate(ctx);
    if (generated) co_return Step::done;
    ctx.note_partly_done();
    auto why = generated.error();
    why.text = ctx.request().spelling + " is done, but the units of host " + ctx.self() +
               " are not as they should be: " + why.text + "; next, when that is cured: marsadm systemd-trigger";
    co_return why;
}

bool has_application(const VerbContext& ctx) {
    return wanted_host(ctx).has_value() && has_units(ctx);
}

Move begin_move(VerbContext& ctx, const std::optional<std::string>& old, std::string want) {
    Move move{old.value_or(""), std::move(want), wanted_host(ctx).value_or("")};
    if (move.former == move.want && move.old == move.want) return move; // a new stamp would beat somebody else's wish
    // Another host than the primary is wanted: somebody else's move is under way, or was left half done. Who gives it
    // back must not leave it nowhere.
    const bool is_primary = !move.old.empty() && designated_primary(ctx.view(), ctx.resource()) == move.old;
    if (is_primary && ctx.view().get("ips/ip-" + move.former)) move.former = move.old;
    if (!move.old.empty() && move.old != move.want && ctx.view().get(stop_status(ctx, move.old)))
        ctx.set(stop_status(ctx, move.old), "0");
    ctx.set(ctx.key("systemd-want"), move.want);
    return move;
}

env::task<result<void>> give_back(VerbContext& ctx, Move move) {
    const auto primary = designated_primary(ctx.view(), ctx.resource());
    if (primary == move.want) co_return result<void>(); // it is done
    ctx.drop_pending();
    if (!primary) { // it was so before
        if (wanted_host(ctx) != move.want || move.former.empty() || move.former == move.want) co_return result<void>();
        ctx.set(ctx.key("systemd-want"), move.former);
        co_return co_await ctx.commit();
    }
    const bool is_lost = *primary != move.old;
    const auto& wanted = is_lost ? *primary : move.former;
    if (wanted_host(ctx) != move.want || move.want == wanted) co_return result<void>();
    ctx.set(ctx.key("systemd-want"), wanted);
    ctx.out().warning(ctx.label(is_lost ? "host " + *primary + " has become primary: the application belongs there"
                                        : "host " + move.old + " stays primary" +
                                              (move.former == move.old ? ", its application is wanted there" : "")));
    co_return co_await ctx.commit();
}

env::task<result<void>> await_stop(VerbContext& ctx, Move move) {
    const auto old = move.old;
    const auto want = move.want;
    MARS_CO_TRY_VOID(co_await ctx.commit());
    if (ctx.is_dry_run()) {
        ctx.would("wait until the application has ended on host " + old);
        co_return result<void>();
    }
    Event event("application.move.before", ctx.resource(), ctx.me());
    event.values["from"] = old;
    event.values["to"] = want;
    event.forced = ctx.is_forced();
    auto allowed = co_await fire(ctx.surroundings().hooks, std::move(event));
    if (!allowed) {
        MARS_CO_TRY_VOID(co_await give_back(ctx, move));
        co_return allowed;
    }
    if (old == ctx.me() && is_on(ctx)) {
        auto stopped = co_await activate(ctx);
        if (!stopped) {
            MARS_CO_TRY_VOID(co_await give_back(ctx, move));
            (void)co_await activate(ctx); // what was stopped of its stack runs again
            co_return stopped;
        }
    }
    std::vector<std::string> places{tree::resource_dir(ctx.resource()), ctx.key("actual-" + old), ctx.key("userspace"),
                                    "actual-" + old};
    MARS_CO_TRY_VOID(co_await ctx.view().wait_for_change(places, 0s));
    Deadline deadline(ctx, ctx.options().timeout);
    Duration touched = 0s;
    // What is known of the device may be older than the line has been dead: only an answer to a question that was asked
    // after the wish tells.
    std::optional<Stamp> asked;
    if (old != ctx.self()) {
        MARS_CO_TRY(asked, co_await ask_for_news(ctx));
    }
    const auto is_silent = [&] { return asked && !has_answered(ctx, old, *asked); };
    while (is_silent() || !is_indicator(ctx, old, "open-count", "0")) {
        const auto primary = designated_primary(ctx.view(), ctx.resource());
        if (primary && *primary != old) co_return result<void>(); // somebody was quicker: the caller finds out
        const bool has_failed = ctx.view().flag(stop_status(ctx, old));
        if (deadline.is_over() && is_silent()) {
            MARS_CO_TRY_VOID(co_await give_back(ctx, move));
            co_return refusal("wait.phase",
                              "host " + old + " has not answered for " + seconds_text(deadline.elapsed()) +
                                  ", so it is not known whether the application has ended there; nothing was changed; "
                                  "next: is marsd running there, and is the line up? Then give the command again");
        }
        if (has_failed || deadline.is_over()) {
            auto why = "the application was not stopped: " + why_open(ctx, old, has_failed);
            if (!has_failed) why += ", after waiting for " + seconds_text(deadline.elapsed());
            MARS_CO_TRY_VOID(co_await give_back(ctx, move));
            co_return refusal("unit.stop", why + what_next(ctx, old));
        }
        if (deadline.elapsed() - touched >= kRetouch) {
            touched = deadline.elapsed();
            const auto what = is_silent() ? "host " + old + " has not answered" : why_open(ctx, old, false);
            ctx.out().progress(ctx.label("waiting for " + seconds_text(touched) + ": " + what));
            ctx.set(ctx.key("systemd-want"), want); // a fresh stamp wakes systemd there
            MARS_CO_TRY_VOID(co_await ctx.commit());
        }
        MARS_CO_TRY_VOID(co_await ctx.view().wait_for_change(places, deadline.left(1s)));
    }
    ctx.out().info(ctx.label("the application has ended on host " + old));
    co_return result<void>();
}

env::task<result<void>> start_here(VerbContext& ctx) {
    if (start_unit(ctx).empty()) co_return result<void>();
    if (ctx.is_dry_run()) {
        ctx.would("start the application (" + start_unit(ctx) + ") on host " + ctx.me());
        co_return result<void>();
    }
    if (is_on(ctx)) {
        auto generated = co_await regenerate(ctx);
        if (!generated) ctx.out().warning(ctx.label("units of systemd: " + generated.error().text));
        MARS_CO_TRY_VOID(co_await activate(ctx));
    }
    Condition condition;
    condition.directories = {tree::resource_dir(ctx.resource()), ctx.key("actual-" + ctx.me()), ctx.key("userspace")};
    condition.holds = [&] {
        return ctx.view().get(ctx.actual(ctx.me(), "open-count")) && !is_indicator(ctx, ctx.me(), "open-count", "0");
    };
    const auto unit = start_unit(ctx);
    condition.description = [&] {
        auto text = "the application (" + unit + ") has not opened the device on host " + ctx.me();
        const auto want = wanted_host(ctx).value_or("");
        return want == ctx.me() ? text
                                : text + "; " + ctx.key("systemd-want") + " is " + want + ", expected " + ctx.me();
    };
    condition.broken = [&]() -> std::optional<failure> {
        const auto ours = check_not_overtaken(ctx);
        return ours ? std::nullopt : std::optional(ours.error());
    };
    MARS_CO_TRY_VOID(
        co_await wait_or_refuse(ctx, condition, "unit.start",
                                "the host is primary; look at: systemctl status " + unit + "; journalctl -u " + unit));
    ctx.out().info(ctx.label("the application runs on host " + ctx.me()));
    Event event("application.move.after", ctx.resource(), ctx.me());
    event.values["to"] = ctx.me();
    co_return co_await fire(ctx.surroundings().hooks, std::move(event));
}

env::task<result<void>> stop_here(VerbContext& ctx) {
    MARS_CO_TRY_VOID(co_await ctx.commit());
    if (is_on(ctx)) MARS_CO_TRY_VOID(co_await activate(ctx));
    co_return result<void>();
}

} // namespace mars::shell::systemd
