// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/steps/avoid_split.hpp"

#include "kernel/format/version_link.hpp"
#include "shell/command/checks.hpp"
#include "shell/command/hosts.hpp"
#include "shell/command/log_links.hpp"
#include "shell/steps/handover_state.hpp"
#include "shell/steps/membership.hpp"

namespace mars::shell {

namespace {

// A version link that knows less of the log than is applied already: it could not be published lately (a full /mars).
bool is_stale(const std::string& replay, const std::string& version) {
    auto applied = format::ReplayLink::parse(replay);
    auto known = format::VersionLink::parse(version);
    return applied && known && known->log == applied->log && known->length < applied->pos;
}

// Old and new primary have the same position and the same history, as strings. If only the version link differs and all
// links have been at rest for a while, it is copied.
bool is_level_with(VerbContext& ctx, const std::string& old, std::int64_t newest) {
    const auto& view = ctx.view();
    const auto old_key = ctx.key("replay-" + old), my_key = ctx.key("replay-" + ctx.me());
    const auto version_key = ctx.key(format::version_key(newest, old));
    auto replay_old = view.get(old_key);
    auto replay_me = view.get(my_key);
    if (!replay_old || !replay_me || replay_old->value != replay_me->value) return false;
    auto version_old = view.get(version_key);
    auto version_me = view.get(ctx.key(format::version_key(newest, ctx.me())));
    if (!version_old || is_stale(replay_old->value, version_old->value)) return false;
    if (version_me && version_me->value == version_old->value) return true;
    const auto quiet = ctx.options().window / 4;
    if (ctx.link_age(old_key, *replay_old) < quiet || ctx.link_age(my_key, *replay_me) < quiet ||
        ctx.link_age(version_key, *version_old) < quiet)
        return false;
    ctx.out().warning(ctx.label("copying the version link of " + old + ", which has not been published here"));
    ctx.set(ctx.key(format::version_key(newest, ctx.me())), version_old->value);
    return true;
}

// What is behind the damage in the host's own log, nobody knows yet.
std::optional<std::string> damaged_log(const VerbContext& ctx, const std::string& host) {
    auto log = ctx.view().value(ctx.actual(host, "damaged-log"), std::string(tree::kNone));
    return log == tree::kNone ? std::nullopt : std::optional(std::move(log));
}

// The old primary is not at work, and where it stands is a point of this host's own past: this host lacks nothing, and
// waiting for the other to come level might be in vain (its disk is refused, its log is defect, its /mars is older).
bool is_behind_us(VerbContext& ctx, const std::string& old) {
    const auto& view = ctx.view();
    const auto& me = ctx.me();
    if (!has_left_role(ctx, old) || damaged_log(ctx, old)) return false;
    const auto theirs = format::ReplayLink::parse(view.value(ctx.key("replay-" + old)));
    const auto ours = format::ReplayLink::parse(view.value(ctx.key("replay-" + me)));
    if (!theirs || !ours || format::compare_progress(theirs->position(), ours->position()) >= 0) return false;
    for (auto number = ours->log.seq; number <= highest_version(view, ctx.resource()); ++number) {
        const auto known = format::VersionLink::parse(view.value(ctx.key(format::version_key(number, old))));
        const auto here = number == ours->log.seq ? ours->pos : 0;
        if (known && known->length > here) return false;
    }
    const auto look_up = [&](std::int64_t seq, std::string_view host) {
        return view.get_value(ctx.key(format::version_key(seq, host)));
    };
    const auto history = format::compare_histories({me, ours->position()}, {old, theirs->position()}, look_up);
    if (history.kind != format::History::common) return false;
    warn_once(ctx, "host " + old + " is at " + theirs->position().text() + ", behind this host (" +
                       ours->position().text() + "): nothing of it is missing here, not waiting for it");
    return true;
}

// The origin of the only log with this number.
std::optional<std::string> origin_of(const VerbContext& ctx, std::int64_t number) {
    std::vector<std::string> origins;
    for (const auto& log : logs_of(ctx.view(), ctx.resource()))
        if (log.id.seq == number) origins.push_back(log.id.host);
    return origins.size() == 1 ? std::optional(origins.front()) : std::nullopt;
}

bool are_all_equal(const VerbContext& ctx, std::int64_t number) {
    std::optional<std::string> first;
    for (const auto& host : replaying_hosts(ctx.view(), ctx.resource())) {
        auto value = version_of(ctx.view(), ctx.resource(), number, host);
        if (!value || (first && *first != *value)) return false;
        first = value;
    }
    return first.has_value();
}

} // namespace

result<Step> avoid_split(VerbContext& ctx) {
    const auto& me = ctx.me();
    if (find_split_brain(ctx.view(), ctx.resource()).found()) {
        if (!ctx.state<Handover>().has_warned) (void)report_split_brain(ctx);
        warn_once(ctx, "there is a split brain already: which version survives is your decision, going on");
        return Step::done;
    }
    if (replaying_hosts(ctx.view(), ctx.resource()).size() < 2) return Step::done;
    const auto stop_key = ctx.actual(me, "msg-err-replay-stop");
    auto stopped = ctx.view().get(stop_key);
    const auto codes = ctx.view().value(ctx.actual(me, "replay-code"));
    if (codes.starts_with('-') && designated_primary(ctx.view(), ctx.resource()).value_or(me) != me)
        return refusal("replay.error", "the replay on host " + me + " has stopped with " +
                                           ctx.actual(me, "replay-code") + " = " + codes +
                                           "; the old primary keeps its role; next: marsadm view " + ctx.resource());
    if (stopped && stopped->value != "OK" && ctx.link_age(stop_key, *stopped) < ctx.options().window) {
        warn_once(ctx, "the replay has stopped on host " + me + ": " + stopped->value);
        return Step::done;
    }
    if (ctx.view().flag(ctx.actual(me, "has-emergency")))
        return refusal("emergency.self", "host " + me + " is in emergency mode (" + ctx.actual(me, "has-emergency") +
                                             " is 1) and cannot become primary; next: free space in /mars there");
    const auto newest = highest_version(ctx.view(), ctx.resource());
    auto old = old_primary(ctx);
    if (!old) old = origin_of(ctx, newest);
    if (old && *old == me) return Step::done;
    bool level = old ? is_level_with(ctx, *old, newest) || is_behind_us(ctx, *old) : are_all_equal(ctx, newest);
    if (level) return Step::done;
    if (old && designated_primary(ctx.view(), ctx.resource()) == old)
        if (auto waits = message_at(ctx.view(), ctx.actual(*old, "msg-err-past-missing")))
            return refusal("role.waits", "host " + *old +
                                             " has written more than has arrived here, and cannot send it (nothing was "
                                             "changed there): " +
                                             waits->text);
    if (old && designated_primary(ctx.view(), ctx.resource()) == old)
        if (const auto log = damaged_log(ctx, *old)) {
            const auto why = message_at(ctx.view(), ctx.actual(*old, "msg-err-replay-stop"));
            return refusal("role.waits", "on host " + *old + ", " + *log +
                                             " is damaged, and what it has written behind that may not have arrived "
                                             "here (nothing was changed there): " +
                                             (why ? why->text : "members are asked for what is damaged") +
                                             "; next: marsadm view " + ctx.resource());
        }
    return Step::again;
}

} // namespace mars::shell
