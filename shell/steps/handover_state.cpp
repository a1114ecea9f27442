// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/steps/handover_state.hpp"

#include "kernel/tree/handover_note.hpp"
#include "shell/command/hosts.hpp"
#include "shell/command/log_links.hpp"
#include "shell/command/wait.hpp"
#include "shell/steps/handover.hpp"

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

// Whoever was heard of so shortly before nobody was designated may have heard of it.
constexpr Duration kAbout = std::chrono::minutes(1);

// When the host saw that nobody is designated; nullopt: it has not told so. Not the stamp of `primary`, which is hardly
// younger than the designation before it. marsd keeps the stamp of what it has seen, also over a restart.
std::optional<Stamp> saw_nobody(const VerbContext& ctx, const std::string& host) {
    const auto primary = ctx.view().get(ctx.key("primary"));
    const auto seen = ctx.view().get(ctx.actual(host, "primary-seen"));
    if (!primary || primary->value != tree::kNone || !seen ||
        seen->value != primary->value + "," + primary->stamp.text())
        return std::nullopt;
    return seen->stamp;
}

// The first one to see it counts: this host may have learnt late what others have acted upon long before.
std::optional<Stamp> nobody_since(const VerbContext& ctx) {
    std::optional<Stamp> first;
    for (const auto& host : members_of(ctx.view(), ctx.resource()))
        if (const auto seen = saw_nobody(ctx, host); seen && (!first || *seen < *first)) first = seen;
    return first;
}

// The host's last orderly stop, if nothing was heard of it since: all that it knew then is here.
std::optional<Stamp> was_stopped_last(const VerbContext& ctx, const std::string& host) {
    const auto stopped = ctx.view().get("actual-" + host + "/stopped");
    const auto alive = ctx.view().get("actual-" + host + "/alive");
    if (!stopped || !alive || alive->value != "0" || alive->stamp <= stopped->stamp) return std::nullopt;
    return stopped->stamp;
}

} // namespace

bool has_been_away(const VerbContext& ctx, const std::string& host) {
    const auto seen = saw_nobody(ctx, host);
    const auto stopped = ctx.view().get("actual-" + host + "/stopped");
    return seen && stopped && *seen < stopped->stamp;
}

bool has_said_goodbye(const VerbContext& ctx, const std::string& host) {
    return has_been_away(ctx, host) && was_stopped_last(ctx, host) && has_given_up_role(ctx, host);
}

std::vector<std::string> silent_members(VerbContext& ctx) {
    std::vector<std::string> silent;
    const auto asked = ctx.state<Handover>().asked_members;
    const auto since = nobody_since(ctx);
    if (!asked || !since) return silent;
    for (const auto& host : members_of(ctx.view(), ctx.resource())) {
        if (host == ctx.me() || host == ctx.self() || !has_storage(ctx.view(), ctx.resource(), host)) continue;
        if (has_answered(ctx, host, *asked) || was_stopped_last(ctx, host)) continue;
        const auto alive = ctx.view().get("actual-" + host + "/alive");
        const bool was_heard = alive && *since < alive->stamp + kAbout;
        if (was_heard || saw_nobody(ctx, host)) silent.push_back(host);
    }
    return silent;
}

env::task<result<bool>> have_members_told(VerbContext& ctx) {
    const auto old = old_primary(ctx);
    if (!old || !has_been_away(ctx, *old)) co_return true;
    auto& state = ctx.state<Handover>();
    if (!state.asked_members) {
        MARS_CO_TRY(state.asked_members, co_await ask_for_news(ctx));
    }
    co_return silent_members(ctx).empty();
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
        if (const auto move = ctx.state<Handover>().move) {
            auto mine = *move;
            const auto given = co_await systemd::give_back(ctx, std::move(mine));
            if (!given) ctx.out().warning(ctx.label(given.error().text));
        }
    }
    co_return ours;
}

Stamp weaker_than_a_command(const std::optional<tree::Link>& before) {
    return Stamp{before ? before->stamp.sec + 1 : 1, 0};
}

bool is_same(const std::optional<tree::Link>& one, const std::optional<tree::Link>& other) {
    if (!one || !other) return one.has_value() == other.has_value();
    return one->value == other->value && one->stamp == other->stamp;
}

tree::Link nobody_after(const std::optional<tree::Link>& before) {
    return {std::string(tree::kNone), weaker_than_a_command(before)};
}

// Between the look and the lock somebody else may have taken the role, or given it away: the caller looks again.
env::task<result<Step>> designate_nobody(VerbContext& ctx) {
    const auto key = ctx.key("primary");
    const auto before = ctx.view().get(key);
    if (before && before->value == tree::kNone) co_return Step::done;
    const auto none = nobody_after(before);
    ctx.set(key, none.value, none.stamp);
    bool has_changed = false;
    const std::function<result<void>()> still = [&]() -> result<void> {
        has_changed = !is_same(ctx.view().get(key), before);
        if (!has_changed) return {};
        return refusal("role.lost", key + " has been changed meanwhile");
    };
    const auto written = co_await ctx.commit_if(still);
    if (has_changed) co_return Step::again;
    if (!written) co_return written.error();
    if (!ctx.is_dry_run())
        ctx.out().info(ctx.label("designated primary: " + (before ? before->value : "nobody") + " -> " + none.value));
    co_return Step::done;
}

namespace {

// The host has had the role in fact: a primary begins a log of its own, first of all. One that was designated and still
// waits for others has not.
bool was_at_work(const VerbContext& ctx, const std::string& host) {
    if (is_indicator(ctx, host, "is-primary", "1")) return true;
    const auto at = replay_of(ctx.view(), ctx.resource(), host);
    return at && at->log.host == host;
}

} // namespace

void queue_designation(VerbContext& ctx, const std::string& host, std::optional<Stamp> stamp) {
    const auto last = ctx.view().get(ctx.key("userspace/last-primary"));
    const auto previous = ctx.view().get(ctx.key("userspace/prev-primary"));
    // Who comes next has to be heard by the one that was at work last: only that knows whether it is so again.
    if (last && (!previous || was_at_work(ctx, last->value))) {
        const bool keeps_stamp = !previous || previous->stamp < last->stamp;
        ctx.set(ctx.key("userspace/prev-primary"), last->value, keeps_stamp ? std::optional(last->stamp) : stamp);
    }
    ctx.set(ctx.key("userspace/last-primary"), host, stamp);
    ctx.set(ctx.key("primary"), host, stamp);
}

void note_phase(VerbContext& ctx, int phase, std::string to) {
    auto& state = ctx.state<Handover>();
    if (ctx.is_dry_run() || !takes_over_from_other(ctx) || state.noted_phase == phase) return;
    const auto key = ctx.key(tree::HandoverNote::key_name(ctx.self()));
    if (state.noted_phase == 0)
        if (const auto before = ctx.view().get(key)) state.note_before = before->value;
    state.noted_phase = phase;
    tree::HandoverNote note;
    note.to = to.empty() ? ctx.me() : std::move(to);
    note.phase = phase;
    note.process = ctx.local().process_identity();
    ctx.set(key, note.text());
}

void drop_all_notes(VerbContext& ctx) {
    if (ctx.is_dry_run()) return;
    ctx.state<Handover>().noted_phase = 0;
    const auto own = tree::HandoverNote::key_name(ctx.self());
    const std::string prefix = tree::HandoverNote::key_name("");
    for (const auto& name : ctx.view().list(ctx.key("userspace"))) {
        const auto key = "userspace/" + name;
        if (!key.starts_with(prefix)) continue;
        const auto note = tree::HandoverNote::parse(ctx.view().value(ctx.key(key)));
        if (key == own || !note || note->is_abandoned) ctx.remove(ctx.key(key));
    }
}

void drop_note(VerbContext& ctx) {
    auto& state = ctx.state<Handover>();
    if (state.noted_phase == 0) return;
    state.noted_phase = 0;
    const auto key = ctx.key(tree::HandoverNote::key_name(ctx.self()));
    // What an earlier command has left half done still is, as long as nobody has the role.
    if (state.note_before && !designated_primary(ctx.view(), ctx.resource()))
        ctx.set(key, *state.note_before);
    else
        ctx.remove(key);
}

} // namespace mars::shell
