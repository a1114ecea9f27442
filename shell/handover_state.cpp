// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/handover_state.hpp"

#include "shell/handover.hpp"
#include "shell/hosts.hpp"
#include "shell/wait.hpp"

namespace mars::shell {

const std::optional<std::string>& old_primary(VerbContext& ctx) {
    auto& state = ctx.state<Handover>();
    if (!state.is_known) {
        state.old = former_primary(ctx.view(), ctx.resource());
        // The last primary may have left the resource meanwhile: then there is nobody to take over from.
        if (state.old && !is_guest_or_member(ctx.view(), ctx.resource(), *state.old)) state.old.reset();
        state.is_known = true;
    }
    return state.old;
}

bool takes_over_from_other(VerbContext& ctx) {
    const auto& old = old_primary(ctx);
    return !old || *old != ctx.me();
}

void warn_once(VerbContext& ctx, const std::string& text) {
    if (!std::exchange(ctx.state<Handover>().has_warned, true)) ctx.out().warning(ctx.label(text));
}

bool has_left_role(const VerbContext& ctx, const std::string& host) {
    return ctx.view().get(ctx.actual(host, "is-primary")) && is_indicator(ctx, host, "is-primary", "0");
}

bool has_given_up_role(const VerbContext& ctx, const std::string& host) {
    if (!has_left_role(ctx, host)) return false;
    auto seen = ctx.view().get(ctx.actual(host, "primary-seen"));
    auto now = ctx.view().get(ctx.key("primary"));
    return !seen || (now && seen->value == now->value + "," + now->stamp.text());
}

namespace {

// The last orderly stop of the host, if nobody has been designated since before that.
std::optional<Stamp> stopped_meanwhile(const VerbContext& ctx, const std::string& host) {
    const auto primary = ctx.view().get(ctx.key("primary"));
    const auto stopped = ctx.view().get("actual-" + host + "/stopped");
    if (!primary || primary->value != tree::kNone || !stopped || stopped->stamp <= primary->stamp) return std::nullopt;
    return stopped->stamp;
}

} // namespace

bool has_said_goodbye(const VerbContext& ctx, const std::string& host) {
    const auto stopped = stopped_meanwhile(ctx, host);
    const auto alive = ctx.view().get("actual-" + host + "/alive");
    return stopped && alive && alive->value == "0" && *stopped < alive->stamp && has_given_up_role(ctx, host);
}

bool has_been_away(const VerbContext& ctx) {
    return stopped_meanwhile(ctx, ctx.me()).has_value();
}

std::vector<std::string> silent_members(VerbContext& ctx) {
    std::vector<std::string> silent;
    const auto primary = ctx.view().get(ctx.key("primary"));
    for (const auto& host : members_of(ctx.view(), ctx.resource())) {
        if (host == ctx.me() || !has_storage(ctx.view(), ctx.resource(), host) || has_answered_at_all(ctx, host))
            continue;
        const auto alive = ctx.view().get("actual-" + host + "/alive");
        const bool was_heard = primary && alive && primary->stamp < alive->stamp;
        if (was_heard && !has_said_goodbye(ctx, host)) silent.push_back(host);
    }
    return silent;
}

env::task<result<void>> ask_again(VerbContext& ctx) {
    constexpr Duration kPause = std::chrono::milliseconds(200);
    auto& state = ctx.state<Handover>();
    const auto now = ctx.env().clock().steady();
    const auto& old = old_primary(ctx);
    const bool is_first = state.asked_at < Duration(0);
    if (!is_first && (now - state.asked_at < kPause || (old && !has_answered(ctx, *old, state.asked))))
        co_return result<void>();
    MARS_CO_TRY(state.asked, co_await ask_for_news(ctx));
    state.asked_at = now;
    if (is_first) {
        state.first_asked = state.asked;
        state.first_asked_at = now;
    }
    co_return result<void>();
}

bool has_answered_at_all(VerbContext& ctx, const std::string& host) {
    const auto& state = ctx.state<Handover>();
    if (host == ctx.self()) return true; // nobody asks himself
    return state.asked_at >= Duration(0) && has_answered(ctx, host, state.first_asked);
}

env::task<result<bool>> has_told_all(VerbContext& ctx, std::string old) {
    auto& state = ctx.state<Handover>();
    if (!has_given_up_role(ctx, old)) {
        state.asked_after.reset();
        MARS_CO_TRY_VOID(co_await ask_again(ctx));
        co_return false;
    }
    if (has_said_goodbye(ctx, old)) co_return true;
    if (!state.asked_after) {
        MARS_CO_TRY(state.asked_after, co_await ask_for_news(ctx));
    }
    co_return has_answered(ctx, old, *state.asked_after);
}

env::task<result<void>> check_not_lost(VerbContext& ctx) {
    auto ours = check_not_overtaken(ctx);
    if (!ours) {
        const auto given = co_await give_application_back(ctx);
        if (!given) ctx.out().warning(ctx.label(given.error().text));
    }
    co_return ours;
}

env::task<result<void>> designate_nobody(VerbContext& ctx) {
    auto now = ctx.view().get(ctx.key("primary"));
    if (now && now->value == tree::kNone) co_return result<void>();
    MARS_CO_TRY_VOID(co_await ctx.commit());
    ctx.set(ctx.key("primary"), std::string(tree::kNone));
    ctx.out().info(
        ctx.label("designated primary: " + (now ? now->value : "nobody") + " -> " + std::string(tree::kNone)));
    co_return co_await ctx.commit(Stamp{now ? now->stamp.sec + 1 : 1, 0});
}

} // namespace mars::shell
