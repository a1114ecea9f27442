// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/steps/handover.hpp"

#include <set>

#include "shell/command/checks.hpp"
#include "shell/command/hosts.hpp"
#include "shell/command/log_links.hpp"
#include "shell/command/wait.hpp"
#include "shell/steps/avoid_split.hpp"
#include "shell/steps/forced_switch.hpp"
#include "shell/steps/handover_state.hpp"
#include "shell/steps/membership.hpp"
#include "shell/steps/return_home.hpp"
#include "shell/steps/switches.hpp"

namespace mars::shell {

env::task<result<Step>> primary_stop_old(VerbContext& ctx) {
    if (ctx.is_forced()) co_return Step::done; // it is not waited for
    if (!systemd::has_application(ctx)) co_return Step::done;
    note_phase(ctx, 3); // with the wish, in one batch
    const auto move = systemd::begin_move(ctx, old_primary(ctx), ctx.me());
    ctx.state<Handover>().move = move;
    if (!takes_over_from_other(ctx) || move.old.empty()) co_return Step::done;
    if (!designated_primary(ctx.view(), ctx.resource())) co_return Step::done;
    ctx.state<Handover>().stopped_at = ctx.env().clock().steady();
    MARS_CO_TRY_VOID(co_await systemd::await_stop(ctx, move));
    co_return Step::done;
}

env::task<result<Step>> primary_start_here(VerbContext& ctx) {
    const auto& state = ctx.state<Handover>();
    if (state.move && (has_device(ctx) || ctx.is_dry_run())) {
        const auto started = co_await systemd::start_here(ctx);
        if (!started) {
            MARS_CO_TRY_VOID(co_await check_not_lost(ctx)); // the better reason
            auto why = started.error();
            if (why.is(std::errc::timed_out)) why = refusal("unit.start", why.text);
            co_return co_await return_home(ctx, std::move(why));
        }
        if (state.stopped_at && !ctx.is_dry_run())
            ctx.out().info(ctx.label("the application was away for " +
                                     seconds_text(ctx.env().clock().steady() - *state.stopped_at)));
    }
    drop_all_notes(ctx);
    co_return Step::done;
}

env::task<result<Step>> primary_fetch_on(VerbContext& ctx) {
    if (ctx.is_forced()) co_return co_await forced_await_fetch(ctx);
    if (!ctx.view().flag(ctx.todo(ctx.me(), "connect"))) ctx.set(ctx.todo(ctx.me(), "connect"), "1");
    co_return Step::done;
}

namespace {

// Nobody else has taken the role from the old primary since this command began.
env::task<result<void>> check_still_old(VerbContext& ctx) {
    const auto now = designated_primary(ctx.view(), ctx.resource());
    if (!now || now == old_primary(ctx)) co_return result<void>();
    co_return co_await check_not_lost(ctx);
}

} // namespace

namespace {

env::task<result<Step>> would_leave_old(VerbContext& ctx) {
    if (!takes_over_from_other(ctx)) co_return Step::done;
    MARS_CO_TRY(const auto avoided, avoid_split(ctx));
    if (avoided == Step::again) ctx.would("wait until everything has arrived here: " + primary_missing(ctx));
    MARS_CO_TRY(const auto left, co_await designate_nobody(ctx));
    (void)left; // a dry run writes nothing that could be overtaken
    if (const auto old = old_primary(ctx))
        ctx.would("wait until host " + *old + " has left its role, and has told all that it had written");
    co_return Step::done;
}

// The point of no return: the old primary leaves its role when it hears of that. Only this command knows then who shall
// have it.
env::task<result<Step>> call_off(VerbContext& ctx) {
    const auto before = ctx.view().get(ctx.key("primary"));
    const bool had_primary = designated_primary(ctx.view(), ctx.resource()).has_value();
    auto& state = ctx.state<Handover>();
    const int noted_before = state.noted_phase;
    note_phase(ctx, 4); // in one batch with what calls it off
    ctx.set_irrevocable(had_primary);
    const auto left = co_await designate_nobody(ctx);
    // Also when that is an error: what was written, and could not be made durable, is seen and followed.
    const auto none = nobody_after(before);
    const bool is_called_off = had_primary && is_same(ctx.view().get(ctx.key("primary")), none);
    ctx.set_irrevocable(is_called_off);
    if (is_called_off) state.called_off = none;
    if (left && *left == Step::again) state.noted_phase = noted_before; // nothing was written
    co_return left;
}

// The last step of a phase that has to hear the members: the next phase asks them anew.
env::task<result<Step>> hear_members(VerbContext& ctx) {
    MARS_CO_TRY(const bool have_told, co_await have_members_told(ctx));
    if (!have_told) co_return Step::again;
    ctx.state<Handover>().asked_members.reset();
    co_return Step::done;
}

} // namespace

env::task<result<Step>> primary_leave_old(VerbContext& ctx) {
    if (ctx.is_forced()) co_return Step::done;
    if (ctx.is_dry_run()) co_return co_await would_leave_old(ctx);
    const auto old = old_primary(ctx);
    MARS_CO_TRY_VOID(co_await check_still_old(ctx));
    if (!takes_over_from_other(ctx)) co_return co_await hear_members(ctx);
    MARS_CO_TRY_VOID(co_await ask_again(ctx));
    // Who has not answered this very command is not called off: better to stay where things are than to have no primary
    // at all. Nor is it succeeded when it has left its role before: it may be made primary again behind the broken
    // line.
    if (old && !has_answered_at_all(ctx, *old) && !has_said_goodbye(ctx, *old)) {
        const auto waited = ctx.env().clock().steady() - ctx.state<Handover>().first_asked_at;
        if (waited > std::chrono::seconds(1))
            warn_once(ctx, "the old primary " + *old + " has not answered, waiting for it");
        co_return Step::again;
    }
    MARS_CO_TRY(auto avoided, avoid_split(ctx));
    if (avoided == Step::again) co_return Step::again;
    MARS_CO_TRY(const auto heard, co_await hear_members(ctx));
    if (heard == Step::again) co_return Step::again;
    MARS_CO_TRY_VOID(co_await check_still_old(ctx)); // right before: somebody may have been quicker
    // So may somebody who uses the device: what was known in phase 1 may have been old.
    if (old && designated_primary(ctx.view(), ctx.resource()) == old) MARS_CO_TRY_VOID(check_not_open(ctx, *old));
    co_return co_await call_off(ctx);
}

namespace {

// Who gives up a rival move may have wanted the application at the old primary again: it would keep the device.
void keep_stopped(VerbContext& ctx, const std::string& old) {
    if (!ctx.state<Handover>().move || ctx.view().value(ctx.key("systemd-want")) != old) return;
    ctx.set(ctx.key("systemd-want"), ctx.me());
}

} // namespace

env::task<result<Step>> primary_await_old(VerbContext& ctx) {
    if (ctx.is_forced()) co_return Step::done;
    if (ctx.is_dry_run()) co_return Step::done; // said in phase 4
    const auto old = old_primary(ctx);
    ctx.state<Handover>().none = ctx.view().get(ctx.key("primary")); // before everything that is looked at
    MARS_CO_TRY_VOID(co_await check_not_lost(ctx));
    if (!takes_over_from_other(ctx)) co_return co_await hear_members(ctx);
    if (old) {
        keep_stopped(ctx, *old);
        MARS_CO_TRY(const bool has_told, co_await has_told_all(ctx, *old));
        if (!has_told) co_return Step::again;
    }
    MARS_CO_TRY_VOID(co_await ask_again(ctx));
    MARS_CO_TRY(const auto avoided, avoid_split(ctx));
    if (avoided == Step::again) {
        ctx.state<Handover>().asked_members.reset(); // an answer from before a long wait would be old
        co_return Step::again;
    }
    co_return co_await hear_members(ctx);
}

env::task<result<Step>> primary_hear_again(VerbContext& ctx) {
    if (ctx.is_forced()) co_return Step::done;
    if (ctx.is_dry_run()) co_return Step::done;
    co_return co_await primary_hear_all(ctx);
}

// Everything that anybody has written before shall be visible here. Only the answers of the old primaries decide: a
// member that is dead keeps nobody waiting.
env::task<result<Step>> primary_hear_all(VerbContext& ctx) {
    std::set<std::string> peers, deciding;
    for (const auto& resource : ctx.resources()) {
        for (auto& host : hosts_of(ctx.view(), resource)) peers.insert(std::move(host));
        // Who has said goodbye will not answer; whether that is enough, the phases of each resource find out.
        if (auto old = former_primary(ctx.view(), resource); old && is_guest_or_member(ctx.view(), resource, *old) &&
                                                             ctx.view().value("actual-" + *old + "/alive") != "0")
            deciding.insert(std::move(*old));
    }
    News news;
    news.deciding.emplace(deciding.begin(), deciding.end());
    std::vector<std::string> all(peers.begin(), peers.end());
    MARS_CO_TRY_VOID(co_await wait_for_news(ctx, std::move(all), std::move(news)));
    co_return Step::done;
}

namespace {

// `primary` is as it was when everything was found to be here. Another version of (none) means that somebody has been
// primary in between.
result<void> check_still_none(VerbContext& ctx) {
    MARS_TRY_VOID(check_not_overtaken(ctx));
    const auto& then = ctx.state<Handover>().none;
    const auto now = ctx.view().get(ctx.key("primary"));
    if (now.has_value() == then.has_value() && (!now || (now->value == then->value && now->stamp == then->stamp)))
        return {};
    const auto text = [](const std::optional<tree::Link>& link) {
        return link ? link->value + " of " + link->stamp.text() : std::string("missing");
    };
    return refusal("role.lost", ctx.key("primary") + " is " + text(now) + ", expected " + text(then) +
                                    ": another command has changed it meanwhile, so host " + ctx.me() +
                                    " has not been made primary; next: marsadm view " + ctx.resource() +
                                    ", then give the command again");
}

} // namespace

env::task<result<Step>> primary_designate(VerbContext& ctx) {
    if (ctx.is_forced()) co_return co_await forced_designate(ctx);
    const auto me = ctx.me();
    if (designated_primary(ctx.view(), ctx.resource()) == me) co_return Step::done;
    if (!ctx.is_dry_run()) MARS_CO_TRY_VOID(co_await check_not_lost(ctx));
    note_phase(ctx, 8);
    queue_designation(ctx, me);
    // With the stamp of `primary`: whoever wins has both.
    if (ctx.state<Handover>().move) ctx.set(ctx.key("systemd-want"), me);
    const std::function<result<void>()> still = [&ctx] { return check_still_none(ctx); };
    ctx.set_irrevocable(!ctx.is_dry_run());
    const auto written = co_await ctx.commit_if(still);
    if (!written) {
        MARS_CO_TRY_VOID(co_await check_not_lost(ctx)); // gives the application away, too
        co_return written.error();
    }
    if (!ctx.is_dry_run())
        ctx.out().info(ctx.label("designated primary: " + old_primary(ctx).value_or("nobody") + " -> " + me));
    co_return Step::done;
}

env::task<result<Step>> primary_await_device(VerbContext& ctx) {
    if (ctx.is_forced()) co_return co_await forced_await_device(ctx);
    if (ctx.is_dry_run() && takes_over_from_other(ctx)) {
        ctx.would("wait for the device");
        turn_all_on(ctx);
        co_return Step::done;
    }
    if (report_split_brain(ctx)) {
        ctx.out().warning(ctx.label("host " + ctx.me() +
                                    " is designated primary; whether its device appears depends on the "
                                    "resolution of the split brain, not waiting for it"));
        co_return Step::done;
    }
    const auto there = co_await wait_device(ctx, true);
    if (!there) {
        MARS_CO_TRY_VOID(co_await check_not_lost(ctx)); // the better reason
        co_return co_await return_home(ctx, there.error());
    }
    turn_all_on(ctx);
    co_return Step::done;
}

} // namespace mars::shell
