// SPDX-License-Identifier: GPL-2.0-or-later
// What `primary` and `secondary` say while they wait, and when that was in vain.
#include "shell/command/hosts.hpp"
#include "shell/command/wait.hpp"
#include "shell/steps/handover.hpp"
#include "shell/steps/handover_state.hpp"

namespace mars::shell {

bool is_silent(VerbContext& ctx, const std::string& host) {
    constexpr Duration kPatience = std::chrono::seconds(5);
    const auto& state = ctx.state<Handover>();
    if (host == ctx.self()) return false;
    if (!has_answered_at_all(ctx, host)) return true;
    if (state.asked_after) return !has_answered(ctx, host, *state.asked_after);
    return ctx.env().clock().steady() - state.asked_at > kPatience && !has_answered(ctx, host, state.asked);
}

namespace {

std::string position_text(VerbContext& ctx) {
    const auto& old = old_primary(ctx);
    auto mine = ctx.view().value(ctx.key("replay-" + ctx.me()), "unknown");
    auto theirs = old ? ctx.view().value(ctx.key("replay-" + *old), "unknown") : std::string("unknown");
    return "host " + ctx.me() + " is at " + mine + ", " + old.value_or("the old primary") + " at " + theirs +
           ", expected the same position and version link";
}

std::string silence_text(VerbContext& ctx, const std::string& host, std::string_view since) {
    return "host " + host + " has not answered host " + ctx.self() + std::string(since) +
           " (is marsd running there, and is the line up?)";
}

// What keeps the old primary, which is called off, from having given up its role.
std::string role_text(VerbContext& ctx, const std::string& old) {
    const auto& view = ctx.view();
    const auto key = ctx.actual(old, "is-primary");
    if (!has_left_role(ctx, old)) {
        const auto users = view.value(ctx.actual(old, "open-count"), "unknown");
        return "host " + old + " has not left its role: " + key + " is " + view.value(key, "missing") +
               ", expected 0 (its open-count is " + users + ")" +
               (has_answered_at_all(ctx, old) ? "" : "; " + silence_text(ctx, old, ""));
    }
    if (!has_given_up_role(ctx, old))
        return "host " + old + " has not seen that nobody is designated: " + ctx.actual(old, "primary-seen") + " is " +
               view.value(ctx.actual(old, "primary-seen"), "missing") + ", " + ctx.key("primary") + " is " +
               view.value(ctx.key("primary"), "missing");
    return silence_text(ctx, old, " since it has left its role");
}

// Why a member that was never primary has to answer.
std::string member_text(VerbContext& ctx, const std::string& host) {
    const auto& old = old_primary(ctx);
    return silence_text(ctx, host, "") +
           ", but it may be primary by now: " + (old == ctx.me() ? "this host" : "host " + old.value_or("?")) +
           " was stopped meanwhile, and " + host + " was heard of when nobody was designated any more";
}

// The way out when members are silent that must answer.
std::string leave_text(VerbContext& ctx, const std::string& host) {
    return ", or, if " + host + " has gone for good, first: marsadm --host=" + host + " --force leave-resource " +
           ctx.resource();
}

} // namespace

std::string primary_missing(VerbContext& ctx) {
    const auto& old = old_primary(ctx);
    const auto& state = ctx.state<Handover>();
    for (const auto& host : silent_members(ctx)) return member_text(ctx, host);
    if (!old || *old == ctx.me()) return position_text(ctx);
    if (designated_primary(ctx.view(), ctx.resource()) == old || !has_answered_at_all(ctx, *old))
        return has_answered_at_all(ctx, *old) ? position_text(ctx) : silence_text(ctx, *old, "");
    const bool has_told = state.asked_after && has_answered(ctx, *old, *state.asked_after);
    return has_given_up_role(ctx, *old) && (has_told || !state.asked_after) ? position_text(ctx) : role_text(ctx, *old);
}

std::string primary_stuck(VerbContext& ctx) {
    const auto& old = old_primary(ctx);
    const auto now = designated_primary(ctx.view(), ctx.resource());
    if (now && now == old)
        return std::string("the old primary keeps its role: try again") +
               (has_answered_at_all(ctx, *old) ? ", or find out why its data does not arrive here (marsadm view)"
                                               : " when it answers, or, if it has gone for good, first: marsadm "
                                                 "--host=" +
                                                     *old + " --force leave-resource " + ctx.resource());
    if (now) return "host " + *now + " is designated primary now";
    if (ctx.state<Handover>().called_off) { // by this command: it is given back, which is said when it is done
        auto text = "next: marsadm view " + ctx.resource() + ", then give marsadm primary again";
        for (const auto& silent : silent_members(ctx)) text += leave_text(ctx, silent);
        if (old && is_silent(ctx, *old)) text += leave_text(ctx, *old);
        return text;
    }
    const auto nobody = "nobody is designated primary now, as far as host " + ctx.self() + " knows: ";
    if (!old) return nobody + "give marsadm primary again";
    if (const auto silent = silent_members(ctx); old == ctx.me() || !silent.empty()) {
        std::string text = "nobody is designated primary here: give marsadm primary again when the line is up";
        for (const auto& host : silent) text += leave_text(ctx, host);
        return text;
    }
    auto text = nobody + "give marsadm primary again, here or on the old primary " + *old;
    if (is_silent(ctx, *old)) text += leave_text(ctx, *old);
    return text;
}

std::string secondary_missing(VerbContext& ctx) {
    const auto& old = old_primary(ctx);
    return old ? role_text(ctx, *old) : position_text(ctx);
}

} // namespace mars::shell
