// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/handover.hpp"

#include <algorithm>
#include <set>

#include "kernel/format/version_link.hpp"
#include "kernel/tree/heard.hpp"
#include "shell/checks.hpp"
#include "shell/hosts.hpp"
#include "shell/log_links.hpp"
#include "shell/membership.hpp"
#include "shell/switches.hpp"
#include "shell/systemd/phases.hpp"
#include "shell/wait.hpp"

namespace mars::shell {

namespace {

// What the phases remember of one resource.
struct Handover {
    std::optional<std::string> old; // the primary to take over from, as it was at the beginning
    bool is_known = false;
    bool has_warned = false;
    Stamp first_asked{};   // the first question for news of this command
    Stamp asked{};         // the last one
    Duration asked_at{-1}; // steady; negative: never
    Duration first_asked_at{};
    std::optional<Stamp> asked_after;  // the first question after the old primary was seen to have given its role up
    std::optional<tree::Link> none;    // `primary` as it was before it was looked at last whether everything is here
    std::optional<systemd::Move> move; // of the application, by systemd
};

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

// A missing indicator is no answer yet.
bool has_left_role(const VerbContext& ctx, const std::string& host) {
    return ctx.view().get(ctx.actual(host, "is-primary")) && is_indicator(ctx, host, "is-primary", "0");
}

// The host has left the role, and has seen the very version of `primary` that tells it so: it cannot take the role
// again behind our back, whatever the network does from now on. Hosts of older releases do not tell what they have
// seen.
bool has_given_up_role(const VerbContext& ctx, const std::string& host) {
    if (!has_left_role(ctx, host)) return false;
    auto seen = ctx.view().get(ctx.actual(host, "primary-seen"));
    auto now = ctx.view().get(ctx.key("primary"));
    return !seen || (now && seen->value == now->value + "," + now->stamp.text());
}

// News of positions and roles that a step waits for, asked for again when the last question has been answered: a
// heartbeat would be up to 2 s late.
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

// The old primary has given its role up, and has answered a question that was asked after this was seen: what it had
// written until then has arrived, too, in whatever order.
env::task<result<bool>> has_told_all(VerbContext& ctx, std::string old) {
    auto& state = ctx.state<Handover>();
    if (!has_given_up_role(ctx, old)) {
        state.asked_after.reset();
        MARS_CO_TRY_VOID(co_await ask_again(ctx));
        co_return false;
    }
    if (!state.asked_after) {
        MARS_CO_TRY(state.asked_after, co_await ask_for_news(ctx));
    }
    co_return has_answered(ctx, old, *state.asked_after);
}

// Nobody else has been made primary. Else the application belongs there: what this command has wanted would keep it
// from running anywhere.
env::task<result<void>> check_not_lost(VerbContext& ctx) {
    auto ours = check_not_overtaken(ctx);
    if (!ours) {
        const auto given = co_await give_application_back(ctx);
        if (!given) ctx.out().warning(ctx.label(given.error().text));
    }
    co_return ours;
}

// Nobody else has taken the role from the old primary since this command began.
env::task<result<void>> check_still_old(VerbContext& ctx) {
    const auto now = designated_primary(ctx.view(), ctx.resource());
    if (!now || now == old_primary(ctx)) co_return result<void>();
    co_return co_await check_not_lost(ctx);
}

// `primary` := (none), with a stamp so weak that a real `primary` command anywhere in the cluster wins.
env::task<result<void>> designate_nobody(VerbContext& ctx) {
    auto now = ctx.view().get(ctx.key("primary"));
    if (now && now->value == tree::kNone) co_return result<void>();
    MARS_CO_TRY_VOID(co_await ctx.commit());
    ctx.set(ctx.key("primary"), std::string(tree::kNone));
    ctx.out().info(
        ctx.label("designated primary: " + (now ? now->value : "nobody") + " -> " + std::string(tree::kNone)));
    co_return co_await ctx.commit(Stamp{now ? now->stamp.sec + 1 : 1, 0});
}

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

// The old primary is not at work, and where it stands is a point of this host's own past: this host lacks nothing, and
// waiting for the other to come level might be in vain (its disk is refused, its log is defect, its /mars is older).
bool is_behind_us(VerbContext& ctx, const std::string& old) {
    const auto& view = ctx.view();
    const auto& me = ctx.me();
    if (!has_left_role(ctx, old)) return false;
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

// AVOID: switching now does not create a split brain, as far as can be known here. Failure: emergency.self.
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
                                           "; the old primary is untouched; next: marsadm view " + ctx.resource());
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
    return Step::again;
}

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

} // namespace

std::string primary_missing(VerbContext& ctx) {
    const auto& old = old_primary(ctx);
    const auto& state = ctx.state<Handover>();
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
        return std::string("the old primary is untouched: try again, ") +
               (has_answered_at_all(ctx, *old) ? "or find out why its data does not arrive here (marsadm view)"
                                               : "when it answers");
    if (now) return "host " + *now + " is designated primary now";
    if (!old) return "nobody is designated primary now: give marsadm primary again";
    auto text = "nobody is designated primary now: give marsadm primary again, here or on the old primary " + *old;
    if (!has_answered_at_all(ctx, *old))
        text += ", or, if that has gone for good, first: marsadm --host=" + *old + " --force leave-resource " +
                ctx.resource();
    return text;
}

std::string secondary_missing(VerbContext& ctx) {
    const auto& old = old_primary(ctx);
    return old ? role_text(ctx, *old) : position_text(ctx);
}

env::task<result<Step>> primary_contact(VerbContext& ctx) {
    if (ctx.is_forced())
        co_return refusal("verb.nyi",
                          "--force is not in this version: it comes with the release of the forced data path; a "
                          "planned handover needs the old primary to be reachable");
    MARS_CO_TRY_VOID(check_marsd(ctx, true));
    co_return co_await primary_hear_all(ctx);
}

namespace {

result<void> check_others_synced(VerbContext& ctx) {
    const auto& old = old_primary(ctx);
    std::vector<std::string> members;
    for (const auto& host : members_of(ctx.view(), ctx.resource()))
        if (has_storage(ctx.view(), ctx.resource(), host)) members.push_back(host);
    if (members.size() <= 2) return {};
    for (const auto& host : members) {
        if (host == ctx.me() || (old && host == *old)) continue;
        const auto heard = tree::heard_at(ctx.view(), host, ctx.env().clock().now());
        auto synced = check_synced(ctx, host);
        if (synced) continue;
        if (heard && is_recent(ctx, *heard)) return synced;
        ctx.out().warning(ctx.label(synced.error().text + " (host " + host + " is not heard of, going on)"));
    }
    return {};
}

// ENOSPC, EIO: the disk is to blame, not the log.
bool is_disk_code(const std::string& codes) {
    const auto first = codes.substr(0, codes.find(','));
    return first == "-28" || first == "-5";
}

// A disk that is not attached, or not proven, cannot serve: better said before the old primary is called off.
result<void> check_disk(const VerbContext& ctx) {
    const auto& me = ctx.me();
    const auto code = ctx.view().number(ctx.actual(me, "disk-error")).value_or(0);
    if (code == 0) return {};
    const auto said = message_at(ctx.view(), ctx.actual(me, "msg-err-disk-mismatch"));
    auto text = "host " + me + " does not use its disk " + ctx.view().value(ctx.key("data-" + me)) + " (" +
                ctx.actual(me, "disk-error") + " = " + std::to_string(code) + ")";
    if (code == -116 && said) return refusal("disk.unproven", text + ": " + said->text);
    return refusal("disk.error", text + ", expected 0; next: give it its disk back, marsd attaches it by itself");
}

// This host and the old primary have gone on differently: calling that off would leave the device nowhere.
result<void> check_history(VerbContext& ctx) {
    const auto& me = ctx.me();
    const auto old = designated_primary(ctx.view(), ctx.resource());
    if (!old) return {}; // nobody to call off: choosing is the way out
    std::string found;
    if (const auto said = message_at(ctx.view(), ctx.actual(me, "msg-err-splitbrain-detected"))) found = said->text;
    for (const auto& pair : find_split_brain(ctx.view(), ctx.resource()).pairs) {
        const bool is_ours = (pair.host_a == me && pair.host_b == *old) || (pair.host_a == *old && pair.host_b == me);
        if (is_ours && pair.history.kind == format::History::split)
            found =
                "they have gone on differently after " +
                (pair.history.last_common ? pair.history.last_common->text() : "a point that is not known any more");
    }
    if (found.empty()) return {};
    return ctx.overridable("replay.error", "there is a split brain between host " + me + " and the primary " + *old +
                                               ": " + found + "; nothing was changed; next: to keep the version of " +
                                               *old + ", marsadm invalidate " + ctx.resource() + " on host " + me);
}

} // namespace

env::task<result<Step>> primary_check(VerbContext& ctx) {
    const auto& me = ctx.me();
    const auto& old = old_primary(ctx);
    if (takes_over_from_other(ctx)) {
        MARS_CO_TRY_VOID(check_synced(ctx, me));
        MARS_CO_TRY_VOID(check_others_synced(ctx));
    }
    for (auto name : {"attach", "connect", "allow-replay"}) MARS_CO_TRY_VOID(check_switch(ctx, name, true));
    MARS_CO_TRY_VOID(check_disk(ctx));
    if (takes_over_from_other(ctx)) MARS_CO_TRY_VOID(check_history(ctx));
    // A list like "-74,-10101": the first one counts.
    const auto codes = ctx.view().value(ctx.actual(me, "replay-code"));
    if (codes.starts_with('-'))
        MARS_CO_TRY_VOID(ctx.overridable("replay.error",
                                         "the replay on host " + me + " has stopped with " +
                                             ctx.actual(me, "replay-code") + " = " + codes +
                                             (is_disk_code(codes) ? "; next: make room on its disk, or repair it: "
                                                                    "replay goes on by itself"
                                                                  : "; next: marsadm invalidate " + ctx.resource())));
    if (old == me && has_device(ctx)) MARS_CO_TRY_VOID(check_device_works(ctx));
    if (systemd::has_application(ctx)) {
        ctx.state<Handover>().move = systemd::begin_move(ctx, old, me); // the device will be closed by systemd
        co_return Step::done;
    }
    if (old && *old != me && designated_primary(ctx.view(), ctx.resource()))
        MARS_CO_TRY_VOID(check_not_open(ctx, *old));
    co_return Step::done;
}

env::task<result<Step>> primary_stop_old(VerbContext& ctx) {
    const auto move = ctx.state<Handover>().move;
    if (!move || !takes_over_from_other(ctx) || move->old.empty()) co_return Step::done;
    if (!designated_primary(ctx.view(), ctx.resource())) co_return Step::done;
    MARS_CO_TRY_VOID(co_await systemd::await_stop(ctx, *move));
    co_return Step::done;
}

env::task<result<Step>> give_application_back(VerbContext& ctx) {
    const auto move = ctx.state<Handover>().move;
    if (move) MARS_CO_TRY_VOID(co_await systemd::give_back(ctx, *move));
    co_return Step::done;
}

env::task<result<Step>> primary_start_here(VerbContext& ctx) {
    if (!ctx.state<Handover>().move || !has_device(ctx)) co_return Step::done;
    const auto started = co_await systemd::start_here(ctx);
    if (!started) {
        MARS_CO_TRY_VOID(co_await check_not_lost(ctx)); // the better reason
        co_return started.error();
    }
    co_return Step::done;
}

env::task<result<Step>> primary_fetch_on(VerbContext& ctx) {
    if (!ctx.view().flag(ctx.todo(ctx.me(), "connect"))) ctx.set(ctx.todo(ctx.me(), "connect"), "1");
    co_return Step::done;
}

env::task<result<Step>> primary_leave_old(VerbContext& ctx) {
    const auto old = old_primary(ctx);
    if (!takes_over_from_other(ctx)) co_return Step::done;
    MARS_CO_TRY_VOID(co_await check_still_old(ctx));
    MARS_CO_TRY_VOID(co_await ask_again(ctx));
    // Who has not answered this very command is not called off: better to stay where things are than to have no primary
    // at all. Nor is it succeeded when it has left its role before: it may be made primary again behind the broken
    // line.
    if (old && !has_answered_at_all(ctx, *old)) {
        const auto waited = ctx.env().clock().steady() - ctx.state<Handover>().first_asked_at;
        if (waited > std::chrono::seconds(1))
            warn_once(ctx, "the old primary " + *old + " has not answered, waiting for it");
        co_return Step::again;
    }
    MARS_CO_TRY(auto avoided, avoid_split(ctx));
    if (avoided == Step::again) co_return Step::again;
    MARS_CO_TRY_VOID(co_await check_still_old(ctx)); // right before: somebody may have been quicker
    // So may somebody who uses the device: what was known in phase 1 may have been old.
    if (old && designated_primary(ctx.view(), ctx.resource()) == old) MARS_CO_TRY_VOID(check_not_open(ctx, *old));
    MARS_CO_TRY_VOID(co_await designate_nobody(ctx));
    co_return Step::done;
}

namespace {

// Who gives up a rival move may have wanted the application at the old primary again: it would keep the device.
void keep_stopped(VerbContext& ctx, const std::string& old) {
    if (!ctx.state<Handover>().move || ctx.view().value(ctx.key("systemd-want")) != old) return;
    ctx.set(ctx.key("systemd-want"), ctx.me());
}

} // namespace

env::task<result<Step>> primary_await_old(VerbContext& ctx) {
    const auto old = old_primary(ctx);
    ctx.state<Handover>().none = ctx.view().get(ctx.key("primary")); // before everything that is looked at
    if (!takes_over_from_other(ctx)) co_return Step::done;
    MARS_CO_TRY_VOID(co_await check_not_lost(ctx));
    if (old) {
        keep_stopped(ctx, *old);
        MARS_CO_TRY(const bool has_told, co_await has_told_all(ctx, *old));
        if (!has_told) co_return Step::again;
    }
    MARS_CO_TRY_VOID(co_await ask_again(ctx));
    co_return avoid_split(ctx);
}

// Everything that anybody has written before shall be visible here. Only the answers of the old primaries decide: a
// member that is dead keeps nobody waiting.
env::task<result<Step>> primary_hear_all(VerbContext& ctx) {
    std::set<std::string> peers, deciding;
    for (const auto& resource : ctx.resources()) {
        for (auto& host : hosts_of(ctx.view(), resource)) peers.insert(std::move(host));
        if (auto old = former_primary(ctx.view(), resource)) deciding.insert(std::move(*old));
    }
    News news;
    news.deciding.assign(deciding.begin(), deciding.end());
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
    const auto me = ctx.me();
    if (designated_primary(ctx.view(), ctx.resource()) == me) co_return Step::done;
    MARS_CO_TRY_VOID(co_await check_not_lost(ctx));
    auto last = ctx.view().get(ctx.key("userspace/last-primary"));
    auto previous = ctx.view().get(ctx.key("userspace/prev-primary"));
    if (last) {
        bool keeps_stamp = !previous || previous->stamp < last->stamp;
        ctx.set(ctx.key("userspace/prev-primary"), last->value,
                keeps_stamp ? std::optional(last->stamp) : std::nullopt);
    }
    ctx.set(ctx.key("userspace/last-primary"), me);
    // With the stamp of `primary`: whoever wins has both.
    if (ctx.state<Handover>().move) ctx.set(ctx.key("systemd-want"), me);
    ctx.set(ctx.key("primary"), me);
    const std::function<result<void>()> still = [&ctx] { return check_still_none(ctx); };
    const auto written = co_await ctx.commit_if(still);
    if (!written) {
        MARS_CO_TRY_VOID(co_await check_not_lost(ctx)); // gives the application away, too
        co_return written.error();
    }
    ctx.out().info(ctx.label("designated primary: " + old_primary(ctx).value_or("nobody") + " -> " + me));
    co_return Step::done;
}

env::task<result<Step>> primary_await_device(VerbContext& ctx) {
    if (report_split_brain(ctx)) {
        ctx.out().warning(ctx.label("host " + ctx.me() +
                                    " is designated primary; whether its device appears depends on the "
                                    "resolution of the split brain, not waiting for it"));
        co_return Step::done;
    }
    const auto there = co_await wait_device(ctx, true);
    if (!there) {
        MARS_CO_TRY_VOID(co_await check_not_lost(ctx)); // the better reason
        co_return there.error();
    }
    turn_all_on(ctx);
    co_return Step::done;
}

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
