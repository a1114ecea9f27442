// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/invalidate.hpp"

#include "shell/checks.hpp"
#include "shell/hosts.hpp"
#include "shell/log_links.hpp"
#include "shell/membership.hpp"
#include "shell/purge.hpp"
#include "shell/wait.hpp"

namespace mars::shell {

namespace {

// The host to copy from.
result<std::string> source(VerbContext& ctx) {
    auto primary = designated_primary(ctx.view(), ctx.resource());
    if (!primary)
        return refusal("role.none", "nobody is designated primary (" + ctx.key("primary") + " is " +
                                        ctx.view().value(ctx.key("primary"), "missing") +
                                        "), so there is nothing to copy; next: marsadm primary " + ctx.resource() +
                                        " on the host that has the right version");
    if (*primary == ctx.me())
        return refusal("role.self", "host " + ctx.me() + " itself is the designated primary; next: marsadm primary " +
                                        ctx.resource() + " on the host that has the right version");
    return *primary;
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

} // namespace

env::task<result<Step>> invalidate_check(VerbContext& ctx) {
    MARS_CO_TRY(auto primary, source(ctx)); // at once, before any waiting
    MARS_CO_TRY_VOID(co_await check_not_primary(ctx, false));
    MARS_CO_TRY_VOID(source(ctx));
    MARS_CO_TRY_VOID(co_await current_log_of(ctx, primary));
    co_await warn_of_emergency(ctx, primary);
    co_return Step::done;
}

env::task<result<Step>> invalidate_switch_off(VerbContext& ctx) {
    for (auto name : {"attach", "sync", "connect", "allow-replay"}) ctx.set(ctx.todo(ctx.me(), name), "0");
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
    MARS_CO_TRY(auto n, co_await current_log_of(ctx, primary));
    ctx.set(ctx.key("syncstatus-" + ctx.me()), "0");
    MARS_CO_TRY_VOID(co_await ctx.commit());
    for (const auto& version : versions_of(ctx.view(), ctx.resource()))
        if (version.id.host == ctx.me() && version.id.seq >= n) ctx.remove(ctx.key(version.name));
    ctx.remove(ctx.key("replay-" + ctx.me()));
    co_return Step::done;
}

env::task<result<Step>> invalidate_purge(VerbContext& ctx) {
    MARS_CO_TRY(auto primary, source(ctx));
    MARS_CO_TRY(auto n, co_await current_log_of(ctx, primary));
    MARS_CO_TRY_VOID(co_await purge_logs(ctx, false));
    // What is left may be another history under the same names: it is fetched anew.
    for (const auto& log : logs_of(ctx.view(), ctx.resource()))
        if (log.id.seq >= n && ctx.view().file(ctx.key(log.name))) ctx.unlink(ctx.key(log.name));
    purge_errors(ctx);
    co_return Step::done;
}

env::task<result<Step>> invalidate_link(VerbContext& ctx) {
    MARS_CO_TRY(auto primary, source(ctx));
    MARS_CO_TRY(auto n, co_await current_log_of(ctx, primary));
    MARS_CO_TRY_VOID(co_await queue_position(ctx, primary, n));
    co_return Step::done;
}

env::task<result<Step>> invalidate_switch_on(VerbContext& ctx) {
    for (auto name : {"attach", "connect", "allow-replay"}) ctx.set(ctx.todo(ctx.me(), name), "1");
    MARS_CO_TRY_VOID(co_await ctx.commit());
    ctx.set(ctx.todo(ctx.me(), "sync"), "1");
    ctx.out().info(
        ctx.label("the replica of host " + ctx.me() + " starts over; watch it: marsadm view " + ctx.resource()));
    co_return Step::done;
}

} // namespace mars::shell
