// SPDX-License-Identifier: GPL-2.0-or-later
// What is given back when a handover fails, is refused, or is interrupted.
#include "shell/steps/handover.hpp"
#include "shell/steps/handover_state.hpp"
#include "shell/systemd/activation.hpp"

namespace mars::shell {

env::task<result<Step>> give_application_back(VerbContext& ctx) {
    const auto move = ctx.state<Handover>().move;
    if (move) MARS_CO_TRY_VOID(co_await systemd::give_back(ctx, *move));
    drop_note(ctx);
    co_return Step::done;
}

namespace {

// Still as this command has written it: nobody has taken the role, and nobody else cares for it.
bool is_still_called_off(VerbContext& ctx) {
    const auto& ours = ctx.state<Handover>().called_off;
    return ours && is_same(ctx.view().get(ctx.key("primary")), ours);
}

} // namespace

// The stamp is as weak as that of (none): a real `primary` anywhere in the cluster wins.
env::task<result<Step>> give_role_back(VerbContext& ctx) {
    const auto old = old_primary(ctx);
    if (!old || !is_still_called_off(ctx)) co_return co_await give_application_back(ctx);
    const auto called_off = *ctx.state<Handover>().called_off;
    const auto move = ctx.state<Handover>().move;
    ctx.drop_pending();
    drop_note(ctx);
    queue_designation(ctx, *old, weaker_than_a_command(called_off));
    if (move && systemd::wanted_host(ctx) == move->want) ctx.set(ctx.key("systemd-want"), move->former);
    const std::function<result<void>()> still = [&ctx]() -> result<void> {
        if (is_still_called_off(ctx)) return {};
        return refusal("role.lost", ctx.key("primary") + " has changed meanwhile: it is left as it is");
    };
    MARS_CO_TRY_VOID(co_await ctx.commit_if(still));
    const bool runs_there = move && move->former == *old;
    ctx.out().warning(ctx.label(
        "host " + *old + " is designated primary again" + (runs_there ? ", and its application is wanted there" : "") +
        (is_silent(ctx, *old) ? "; it does not answer: it has both again as soon as it hears of "
                                "that; next, if that lasts, there: marsadm primary " +
                                    ctx.resource()
                              : std::string())));
    co_return Step::done;
}

env::task<result<Step>> end_note(VerbContext& ctx) {
    drop_note(ctx);
    co_return Step::done;
}

} // namespace mars::shell
