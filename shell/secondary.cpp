// SPDX-License-Identifier: GPL-2.0-or-later
// The phases of `secondary`.
#include "shell/checks.hpp"
#include "shell/handover.hpp"
#include "shell/handover_state.hpp"
#include "shell/hosts.hpp"
#include "shell/wait.hpp"

namespace mars::shell {

env::task<result<Step>> secondary_contact(VerbContext& ctx) {
    if (ctx.is_forced()) co_return Step::done;
    co_return co_await primary_hear_all(ctx);
}

env::task<result<Step>> secondary_check(VerbContext& ctx) {
    if (ctx.is_forced()) MARS_CO_TRY_VOID(check_switch(ctx, "connect", false));
    const auto& old = old_primary(ctx);
    if (systemd::has_application(ctx)) {
        ctx.state<Handover>().move = systemd::begin_move(ctx, old, std::string(tree::kNone));
        co_return Step::done;
    }
    if (old && designated_primary(ctx.view(), ctx.resource())) MARS_CO_TRY_VOID(check_not_open(ctx, *old));
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
        MARS_CO_TRY_VOID(check_not_open(ctx, *now)); // again: what was known before may have been old
    }
    MARS_CO_TRY_VOID(co_await designate_nobody(ctx));
    co_return Step::done;
}

env::task<result<Step>> secondary_await_old(VerbContext& ctx) {
    const auto& old = old_primary(ctx);
    if (ctx.is_forced() || !old || has_given_up_role(ctx, *old)) co_return Step::done;
    MARS_CO_TRY_VOID(co_await ask_again(ctx));
    co_return Step::again;
}

env::task<result<Step>> secondary_await_device(VerbContext& ctx) {
    if (has_device(ctx) && ctx.is_marsd_running()) MARS_CO_TRY_VOID(co_await wait_device(ctx, false));
    co_return Step::done;
}

} // namespace mars::shell
