// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/steps/invalidate.hpp"

#include <array>

#include "kernel/base/names.hpp"
#include "kernel/format/replay_link.hpp"
#include "shell/command/checks.hpp"
#include "shell/command/hosts.hpp"
#include "shell/command/log_links.hpp"
#include "shell/command/wait.hpp"
#include "shell/steps/membership.hpp"
#include "shell/steps/purge.hpp"

namespace mars::shell {

namespace {

constexpr std::array kSwitches{"attach", "sync", "connect", "allow-replay"};

// The host to copy from.
result<std::string> source(VerbContext& ctx) {
    auto primary = designated_primary(ctx.view(), ctx.resource());
    const auto value = ctx.view().value(ctx.key("primary"), "missing");
    const bool has_left = ctx.view().get(ctx.key("primary")) && is_identifier(value) && !is_reserved_name(value);
    if (!primary)
        return refusal("role.none", "nobody is designated primary (" + ctx.key("primary") + " is " + value +
                                        (has_left ? ", but host " + value + " is no member of it any more" : "") +
                                        "), so there is nothing to copy; next: marsadm primary " + ctx.resource() +
                                        " on the host that has the right version");
    if (*primary == ctx.me())
        return refusal("role.self", "host " + ctx.me() + " itself is the designated primary; next: marsadm primary " +
                                        ctx.resource() + " on the host that has the right version");
    return *primary;
}

// What is thrown away must be somewhere else: a primary that is silent may be dead, or behind, and this replica the
// only one. Waits for half a window at most, or --timeout.
env::task<result<void>> hear_source(VerbContext& ctx, std::string primary) {
    if (primary == ctx.self()) co_return result<void>();
    if (!ctx.is_forced()) MARS_CO_TRY_VOID(check_marsd(ctx, true));
    News news;
    news.is_quiet = true;
    if (ctx.view().value("actual-" + primary + "/alive") == "0") news.deciding.emplace(); // it was stopped in order
    std::vector<std::string> peers{primary};
    MARS_CO_TRY(const auto answers, co_await wait_for_news(ctx, std::move(peers), std::move(news)));
    if (answers > 0) co_return result<void>();
    co_return ctx.overridable("wait.cluster",
                              "the primary, host " + primary + ", which the copy is to come from, is silent: host " +
                                  primary + " has not answered host " + ctx.self() +
                                  " (is marsd running there, and is the line up?); the replica of host " + ctx.me() +
                                  ", at " + ctx.view().value(ctx.key("replay-" + ctx.me()), "an unknown position") +
                                  ", may be the only one, and would be lost; next: give the command again when it "
                                  "answers, or, if it has gone for good, marsadm --host=" +
                                  primary + " --force leave-resource " + ctx.resource() + ", then marsadm primary " +
                                  ctx.resource() + " on the best replica");
}

env::task<void> warn_of_emergency(VerbContext& ctx, std::string primary) {
    auto in_emergency = [&] { return ctx.view().flag(ctx.actual(primary, "has-emergency")); };
    if (!in_emergency()) co_return;
    std::vector<std::string> peers{primary};
    (void)co_await wait_cluster(ctx, std::move(peers)); // only to have the latest word; a warning follows anyway
    if (in_emergency())
        ctx.out().warning(ctx.label("the primary " + primary +
                                    " is in emergency mode: the sync will not start before it has "
                                    "space in /mars again"));
}

// Starting over begins with the log that the primary is writing: where that one is damaged, replay would stop there
// again.
result<void> check_log(VerbContext& ctx, const std::string& primary) {
    const auto codes = ctx.view().value(ctx.actual(ctx.me(), "replay-code"));
    const auto ours = format::ReplayLink::parse(ctx.view().value(ctx.key("replay-" + ctx.me())));
    const auto theirs = format::ReplayLink::parse(ctx.view().value(ctx.key("replay-" + primary)));
    // The code flickers while another copy of the log is tried; the message stays.
    const auto said = message_at(ctx.view(), ctx.actual(ctx.me(), "msg-err-replay-stop"));
    const bool is_damaged = codes.starts_with("-74") || (said && said->text.find(", code -74") != std::string::npos);
    if (!is_damaged || !ours || !theirs || ours->log != theirs->log) return {};
    return ctx.overridable(
        "replay.error", ours->log.text() + " is damaged at byte " + std::to_string(ours->pos) + " (" +
                            (said ? said->text : ctx.actual(ctx.me(), "replay-code") + " = " + codes) + "), and host " +
                            primary + " is still writing it, so replay would stop there again; next: on host " +
                            primary + ", marsadm log-rotate " + ctx.resource() + ", then this again");
}

// A designated primary that is not at work, and behind: it has yet to get from here what this host would throw away.
result<void> check_not_ahead(VerbContext& ctx, const std::string& primary) {
    const auto ours = format::ReplayLink::parse(ctx.view().value(ctx.key("replay-" + ctx.me())));
    const auto theirs = format::ReplayLink::parse(ctx.view().value(ctx.key("replay-" + primary)));
    const bool is_at_work = ctx.view().flag(ctx.actual(primary, "is-primary"));
    if (is_at_work || !ours || !theirs || format::compare_progress(ours->position(), theirs->position()) <= 0)
        return {};
    return ctx.overridable("replay.ahead",
                           "host " + ctx.me() + " is at " + ours->position().text() + ", the primary " + primary +
                               " only at " + theirs->position().text() +
                               " and not at work: what this host has more may exist nowhere else; next: marsadm view " +
                               ctx.resource() + " on host " + primary +
                               ", and wait until it has a device, or marsadm "
                               "primary " +
                               ctx.resource() + " on this host");
}

} // namespace

env::task<result<Step>> invalidate_check(VerbContext& ctx) {
    MARS_CO_TRY(auto primary, source(ctx)); // at once, before any waiting
    MARS_CO_TRY_VOID(co_await hear_source(ctx, primary));
    MARS_CO_TRY_VOID(co_await check_not_primary(ctx, false));
    MARS_CO_TRY_VOID(source(ctx));
    MARS_CO_TRY_VOID(co_await current_log_of(ctx, primary));
    MARS_CO_TRY_VOID(check_log(ctx, primary));
    MARS_CO_TRY_VOID(check_not_ahead(ctx, primary));
    co_await warn_of_emergency(ctx, primary);
    co_return Step::done;
}

env::task<result<Step>> invalidate_switch_off(VerbContext& ctx) {
    for (auto name : kSwitches) ctx.set(ctx.todo(ctx.me(), name), "0");
    co_return Step::done;
}

env::task<result<Step>> invalidate_wait(VerbContext& ctx) {
    if (ctx.is_forced()) co_return Step::done;
    for (auto name : {"is-syncing", "is-copying", "is-replaying", "is-attached"})
        MARS_CO_TRY_VOID(co_await wait_indicator(ctx, ctx.me(), name, "0"));
    co_return Step::done;
}

env::task<result<Step>> invalidate_cut(VerbContext& ctx) {
    MARS_CO_TRY(auto primary, source(ctx));
    MARS_CO_TRY(auto begun, co_await current_log_of(ctx, primary));
    ctx.set(ctx.key("syncstatus-" + ctx.me()), "0");
    MARS_CO_TRY_VOID(co_await ctx.commit());
    // Older ones, too, when the primary's are others: they tell of the history that is given up.
    const auto differs = [&](const NumberedKey& mine) {
        const auto theirs = version_of(ctx.view(), ctx.resource(), mine.id.seq, primary);
        return theirs && *theirs != ctx.view().value(ctx.key(mine.name));
    };
    for (const auto& version : versions_of(ctx.view(), ctx.resource()))
        if (version.id.host == ctx.me() && (version.id.seq >= begun.seq || differs(version)))
            ctx.remove(ctx.key(version.name));
    ctx.remove(ctx.key("replay-" + ctx.me()));
    co_return Step::done;
}

env::task<result<Step>> invalidate_purge(VerbContext& ctx) {
    MARS_CO_TRY(auto primary, source(ctx));
    MARS_CO_TRY(auto begun, co_await current_log_of(ctx, primary));
    MARS_CO_TRY_VOID(co_await purge_logs(ctx, false));
    // What is left may be another history under the same names: it is fetched anew.
    for (const auto& log : logs_of(ctx.view(), ctx.resource()))
        if (log.id.seq >= begun.seq && ctx.view().file(ctx.key(log.name))) ctx.unlink(ctx.key(log.name));
    purge_errors(ctx);
    co_return Step::done;
}

env::task<result<Step>> invalidate_link(VerbContext& ctx) {
    MARS_CO_TRY(auto primary, source(ctx));
    MARS_CO_TRY(auto begun, co_await current_log_of(ctx, primary));
    MARS_CO_TRY_VOID(co_await queue_position(ctx, primary, std::move(begun)));
    co_return Step::done;
}

env::task<result<Step>> invalidate_switch_on(VerbContext& ctx) {
    for (auto name : {"attach", "connect", "allow-replay"}) ctx.set(ctx.todo(ctx.me(), name), "1");
    MARS_CO_TRY_VOID(co_await ctx.commit());
    ctx.set(ctx.todo(ctx.me(), "sync"), "1");
    ctx.tell_when_written("the replica of host " + ctx.me() + " starts over; watch it: marsadm view " + ctx.resource());
    co_return Step::done;
}

env::task<result<Step>> invalidate_tell(VerbContext& ctx) {
    std::string off;
    for (auto name : kSwitches)
        if (!ctx.view().flag(ctx.todo(ctx.me(), name))) off += (off.empty() ? "" : ", ") + std::string(name);
    if (off.empty()) co_return Step::done;
    // The position goes before the rest, and comes back last.
    const bool is_begun = !ctx.view().get(ctx.key("replay-" + ctx.me()));
    const auto again = "marsadm invalidate " + ctx.resource();
    ctx.out().hint(
        ctx.label("the switches " + off + " are off on host " + ctx.me() +
                  (is_begun ? ", and its version is given up already; next: remove the cause, then again: " + again
                            : ", nothing is thrown away yet; next: remove the cause, then again: " + again +
                                  ", or, to keep this replica: marsadm up " + ctx.resource())));
    co_return Step::done;
}

} // namespace mars::shell
