// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/handover.hpp"

#include <set>

#include "kernel/tree/heard.hpp"
#include "shell/avoid_split.hpp"
#include "shell/checks.hpp"
#include "shell/handover_state.hpp"
#include "shell/hosts.hpp"
#include "shell/log_links.hpp"
#include "shell/membership.hpp"
#include "shell/return_home.hpp"
#include "shell/switches.hpp"
#include "shell/systemd/target_check.hpp"
#include "shell/wait.hpp"

namespace mars::shell {

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
    if (takes_over_from_other(ctx)) MARS_CO_TRY_VOID(co_await systemd::check_target(ctx));
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
    ctx.state<Handover>().stopped_at = ctx.env().clock().steady();
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
        co_return co_await return_home(ctx, started.error());
    }
    co_return Step::done;
}

env::task<result<Step>> primary_fetch_on(VerbContext& ctx) {
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

// The last step of a phase that has to hear the members: the next phase asks them anew.
env::task<result<Step>> hear_members(VerbContext& ctx) {
    MARS_CO_TRY(const bool have_told, co_await have_members_told(ctx));
    if (!have_told) co_return Step::again;
    ctx.state<Handover>().asked_members.reset();
    co_return Step::done;
}

} // namespace

env::task<result<Step>> primary_leave_old(VerbContext& ctx) {
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
    const auto me = ctx.me();
    if (designated_primary(ctx.view(), ctx.resource()) == me) co_return Step::done;
    MARS_CO_TRY_VOID(co_await check_not_lost(ctx));
    queue_designation(ctx, me);
    // With the stamp of `primary`: whoever wins has both.
    if (ctx.state<Handover>().move) ctx.set(ctx.key("systemd-want"), me);
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

} // namespace mars::shell
