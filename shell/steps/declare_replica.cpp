// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/steps/declare_replica.hpp"

#include <charconv>

#include "kernel/format/version_link.hpp"
#include "shell/command/checks.hpp"
#include "shell/command/hosts.hpp"
#include "shell/command/log_links.hpp"
#include "shell/command/wait.hpp"
#include "shell/steps/membership.hpp"

namespace mars::shell {

env::task<result<Step>> fake_sync_switch_off(VerbContext& ctx) {
    ctx.set(ctx.todo(ctx.me(), "sync"), "0");
    co_return Step::done;
}

env::task<result<Step>> fake_sync_wait(VerbContext& ctx) {
    MARS_CO_TRY_VOID(co_await wait_indicator(ctx, ctx.me(), "is-syncing", "0"));
    co_return Step::done;
}

env::task<result<Step>> fake_sync_declare(VerbContext& ctx) {
    const auto size = ctx.view().value(ctx.key("size"));
    ctx.set(ctx.key("syncstatus-" + ctx.me()), size);
    ctx.out().warning(ctx.label("the replica of host " + ctx.me() +
                                " counts as complete now, whatever its disk holds: if that was not so, it is garbage"));
    ctx.out().hint(ctx.label("the sync stays off; next: marsadm resume-sync " + ctx.resource() + ", or marsadm up " +
                             ctx.resource()));
    co_return Step::done;
}

namespace {

result<std::int64_t> wanted_number(const VerbContext& ctx) {
    const auto& text = ctx.argument(0);
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number <= 0)
        return refusal("usage.arg", "NR is \"" + text + "\", expected the number of a log, 1 or more");
    return number;
}

// The primary, whose logs these are.
result<std::string> writer(const VerbContext& ctx) {
    auto primary = designated_primary(ctx.view(), ctx.resource());
    if (!primary)
        return refusal("role.none", "nobody is designated primary (" + ctx.key("primary") + " is " +
                                        ctx.view().value(ctx.key("primary"), "missing") +
                                        "), so there is no history to stand in; next: marsadm primary " +
                                        ctx.resource() + " on the host that has the right version");
    if (*primary == ctx.me()) return refusal("role.self", "host " + ctx.me() + " itself is the designated primary");
    return *primary;
}

} // namespace

env::task<result<Step>> set_replay_check(VerbContext& ctx) {
    MARS_CO_TRY(const auto number, wanted_number(ctx));
    MARS_CO_TRY_VOID(writer(ctx));
    MARS_CO_TRY_VOID(check_switch(ctx, "allow-replay", false));
    MARS_CO_TRY_VOID(co_await check_not_primary(ctx, false));
    const auto mine = replay_of(ctx.view(), ctx.resource(), ctx.me());
    if (!mine || mine->log.seq <= 0)
        co_return refusal("replay.link", ctx.key("replay-" + ctx.me()) + " is " +
                                             ctx.view().value(ctx.key("replay-" + ctx.me()), "missing") +
                                             ", expected a position; next: marsadm invalidate " + ctx.resource());
    if (number > mine->log.seq)
        MARS_CO_TRY_VOID(ctx.overridable(
            "replay.skip", "host " + ctx.me() + " is in " + mine->log.text() + "; to begin with number " +
                               std::to_string(number) +
                               " would leave out what is between, and the replica would not be what it is taken for; "
                               "next: marsadm invalidate " +
                               ctx.resource()));
    co_return Step::done;
}

env::task<result<Step>> set_replay_link(VerbContext& ctx) {
    MARS_CO_TRY(const auto number, wanted_number(ctx));
    MARS_CO_TRY(auto primary, writer(ctx));
    format::LogName log{number, primary};
    const auto text = version_of(ctx.view(), ctx.resource(), number, primary);
    if (const auto known = text ? format::VersionLink::parse(*text) : std::nullopt) log = known->log;
    MARS_CO_TRY_VOID(co_await queue_position(ctx, std::move(primary), std::move(log)));
    ctx.out().warning(ctx.label("host " + ctx.me() + " begins with log " + std::to_string(number) +
                                " now, as you have said: nobody knows whether its disk is at that point"));
    ctx.out().hint(ctx.label("next: marsadm resume-replay " + ctx.resource()));
    co_return Step::done;
}

} // namespace mars::shell
