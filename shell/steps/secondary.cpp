// SPDX-License-Identifier: GPL-2.0-or-later
// The phases of `secondary`.
#include "shell/command/checks.hpp"
#include "shell/command/hosts.hpp"
#include "shell/command/wait.hpp"
#include "shell/steps/handover.hpp"
#include "shell/steps/handover_state.hpp"

namespace mars::shell {

env::task<result<Step>> secondary_contact(VerbContext& ctx) {
    if (ctx.is_forced()) co_return Step::done;
    co_return co_await primary_hear_all(ctx);
}

env::task<result<Step>> secondary_check(VerbContext& ctx) {
    if (ctx.is_forced()) MARS_CO_TRY_VOID(check_switch(ctx, "connect", false));
    const auto& old = old_primary(ctx);
    const auto now = designated_primary(ctx.view(), ctx.resource());
    if (now && *now != ctx.self() && !ctx.is_forced())
        MARS_CO_TRY_VOID(check_marsd(ctx, true)); // else nobody can be asked
    if (systemd::has_application(ctx)) {
        ctx.state<Handover>().move = systemd::begin_move(ctx, old, std::string(tree::kNone));
        co_return Step::done;
    }
    if (old && now) MARS_CO_TRY_VOID(check_not_open(ctx, *old));
    co_return Step::done;
}

env::task<result<Step>> secondary_stop(VerbContext& ctx) {
    const auto move = ctx.state<Handover>().move;
    if (!move || move->old.empty() || ctx.is_forced()) co_return Step::done;
    if (!designated_primary(ctx.view(), ctx.resource())) co_return Step::done;
    MARS_CO_TRY_VOID(co_await systemd::await_stop(ctx, *move));
    co_return Step::done;
}

env::task<result<Step>> secondary_leave(VerbContext& ctx) {
    const auto now = designated_primary(ctx.view(), ctx.resource());
    if (now && !ctx.is_forced()) {
        if (now != old_primary(ctx))
            co_return refusal("role.lost", "host " + *now + " has been made primary meanwhile, expected " +
                                               old_primary(ctx).value_or("nobody") +
                                               "; nothing was changed; next: marsadm view " + ctx.resource() +
                                               ", and if nobody shall be primary all the same, give the command again");
        MARS_CO_TRY_VOID(co_await ask_again(ctx));
        if (!has_answered_at_all(ctx, *now)) co_return Step::again;
        // Again: what was known before may have been old. A dry run has stopped nothing.
        const bool would_be_closed = ctx.is_dry_run() && ctx.state<Handover>().move;
        if (!would_be_closed) MARS_CO_TRY_VOID(check_not_open(ctx, *now));
    }
    const auto left = co_await designate_nobody(ctx);
    co_return left;
}

env::task<result<Step>> secondary_await_old(VerbContext& ctx) {
    const auto& old = old_primary(ctx);
    if (ctx.is_forced() || !old || has_given_up_role(ctx, *old)) co_return Step::done;
    MARS_CO_TRY_VOID(co_await ask_again(ctx));
    co_return Step::again;
}

env::task<result<Step>> secondary_await_device(VerbContext& ctx) {
    if (has_device(ctx) && ctx.is_marsd_running()) MARS_CO_TRY_VOID(co_await wait_device(ctx, false));
    drop_all_notes(ctx);
    co_return Step::done;
}

std::string secondary_unheard(VerbContext& ctx) {
    const auto now = designated_primary(ctx.view(), ctx.resource());
    if (!now || has_answered_at_all(ctx, *now)) return "nobody is designated primary";
    return "the primary has not been heard: host " + *now + " has not answered host " + ctx.self() +
           " (is marsd running there, and is the line up?)";
}

std::string secondary_untouched(VerbContext& ctx) {
    const auto now = designated_primary(ctx.view(), ctx.resource());
    if (!now) return "nobody is designated primary now";
    return "host " + *now + " stays the designated primary; next: give marsadm secondary " + ctx.resource() +
           " there, or here again when it answers, or, if it has gone for good, marsadm --host=" + *now +
           " --force leave-resource " + ctx.resource();
}

std::string secondary_stuck(VerbContext& ctx) {
    const auto& old = old_primary(ctx);
    const std::string text =
        "nobody is designated primary now, the old one leaves its role when it learns that, and its device is closed";
    return old ? text + "; to keep it in its role: marsadm primary " + ctx.resource() + " on host " + *old : text;
}

} // namespace mars::shell
