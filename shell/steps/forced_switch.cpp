// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/steps/forced_switch.hpp"

#include <algorithm>

#include "kernel/format/version_link.hpp"
#include "kernel/tree/handover_note.hpp"
#include "kernel/tree/heard.hpp"
#include "shell/command/checks.hpp"
#include "shell/command/hosts.hpp"
#include "shell/command/log_links.hpp"
#include "shell/command/wait.hpp"
#include "shell/steps/handover_state.hpp"
#include "shell/steps/switches.hpp"
#include "shell/systemd/phases.hpp"
#include "shell/systemd/target_check.hpp"
#include "shell/words/size.hpp"

namespace mars::shell {

namespace {

std::optional<Stamp> heard_of(const VerbContext& ctx, const std::string& host) {
    return tree::heard_at(ctx.view(), host, ctx.env().clock().now());
}

// When `host` has told of its logs last.
std::optional<Stamp> told_at(const VerbContext& ctx, const std::string& host) {
    std::optional<Stamp> last;
    for (const auto& version : versions_of(ctx.view(), ctx.resource()))
        if (version.id.host == host)
            if (const auto link = ctx.view().get(ctx.key(version.name)); link && (!last || *last < link->stamp))
                last = link->stamp;
    return last;
}

std::string exactly(std::int64_t bytes) {
    const auto text = size_text(static_cast<std::uint64_t>(bytes));
    const auto plain = std::to_string(bytes) + " bytes";
    return bytes < 1024 || text.find("bytes") != std::string::npos ? plain : plain + " (" + text + ")";
}

// What the old primary has told of, and is not here.
std::string what_is_lost(const VerbContext& ctx, const std::string& old) {
    const auto bytes = bytes_beyond(ctx, old);
    if (bytes == 0) return "all that it has told of its logs is here";
    auto text = exactly(bytes) + " of its logs that it has told of are not here, and will be lost";
    const auto theirs = told_at(ctx, old), ours = told_at(ctx, ctx.me());
    if (theirs && ours && *ours < *theirs)
        text += ": about what was written in the last " + seconds_text(*theirs - *ours) + " of that";
    return text;
}

// All that is known before the switch, for whoever has to decide.
std::string consequences(const VerbContext& ctx, const std::optional<std::string>& old) {
    const auto& me = ctx.me();
    const auto here = "host " + me + " goes on from the end of what has arrived here";
    if (!old || *old == me) return here;
    const auto heard = heard_of(ctx, *old);
    const auto ago = heard ? ctx.age(*heard) : Duration(0);
    return here + ", without host " + *old + ", the primary so far, which was last heard of " +
           (heard ? seconds_text(ago) + " ago (" + heard->utc() + ")" : std::string("nobody knows when")) + ": " +
           what_is_lost(ctx, *old) + "; what it has written since then is not known, and will be lost, too";
}

void warn_of_better_ways(VerbContext& ctx, const std::optional<std::string>& old) {
    const auto& me = ctx.me();
    for (const auto& host : members_of(ctx.view(), ctx.resource())) {
        if (host == me || host == old || !has_storage(ctx.view(), ctx.resource(), host)) continue;
        if (const auto more = bytes_beyond(ctx, host); more > 0)
            ctx.out().warning(ctx.label("host " + host + " has told of " + exactly(more) +
                                        " of logs that are not here: less is lost when it becomes primary instead"));
    }
    if (!old || *old == me) return;
    const auto heard = heard_of(ctx, *old);
    if (heard && is_fresh(ctx, *heard) && !ctx.view().flag(ctx.actual(me, "is-primary")))
        ctx.out().warning(ctx.label("host " + *old + " is alive (heard of " + seconds_text(ctx.age(*heard)) +
                                    " ago): a handover loses nothing: marsadm resume-fetch " + ctx.resource() +
                                    ", then marsadm primary " + ctx.resource()));
}

// --yes, or the name of the resource, typed on a terminal.
env::task<result<void>> agree(VerbContext& ctx, std::string text) {
    if (ctx.is_dry_run()) {
        ctx.would("ask whether to do this: " + text);
        co_return result<void>();
    }
    ctx.out().warning(ctx.label(text));
    if (ctx.options().yes) co_return result<void>();
    auto question = "Type the name of the resource (" + ctx.resource() + ") to do so, anything else to leave it: ";
    const auto typed = co_await ctx.local().ask(std::move(question));
    if (typed && *typed == ctx.resource()) co_return result<void>();
    co_return refusal("role.unconfirmed",
                      (typed ? "expected the name of the resource as agreement to that, found \"" + *typed + "\""
                             : std::string("nobody has agreed to that, and there is no terminal to ask on")) +
                          "; nothing was changed; next, if that is what you want: marsadm primary --force --yes " +
                          ctx.resource());
}

} // namespace

std::int64_t bytes_beyond(const VerbContext& ctx, const std::string& host) {
    const auto mine = replay_of(ctx.view(), ctx.resource(), ctx.me());
    if (!mine) return 0;
    std::int64_t beyond = 0;
    bool has_gap = false; // what follows it cannot be applied
    for (auto seq = mine->log.seq;; ++seq) {
        const auto text = version_of(ctx.view(), ctx.resource(), seq, host);
        const auto told = text ? format::VersionLink::parse(*text) : std::nullopt;
        if (!told) return beyond;
        const auto file = ctx.view().file(ctx.key(told->log.text()));
        auto here = file && !has_gap ? static_cast<std::int64_t>(file->size) : 0;
        if (told->log == mine->log) here = std::max(here, mine->pos);
        beyond += std::max<std::int64_t>(told->length - here, 0);
        has_gap = has_gap || here < told->length;
    }
}

env::task<result<Step>> forced_check(VerbContext& ctx) {
    const auto& me = ctx.me();
    const auto old = old_primary(ctx);
    if (designated_primary(ctx.view(), ctx.resource()) == me && has_device(ctx)) co_return Step::done;
    MARS_CO_TRY_VOID(check_switch(ctx, "connect", false));
    MARS_CO_TRY_VOID(check_room_for_links(ctx));
    MARS_CO_TRY_VOID(check_synced(ctx, me));
    for (auto name : {"attach", "allow-replay"}) MARS_CO_TRY_VOID(check_switch(ctx, name, true));
    MARS_CO_TRY_VOID(check_disk(ctx));
    const auto codes = ctx.view().value(ctx.actual(me, "replay-code"));
    if (codes.starts_with('-'))
        MARS_CO_TRY_VOID(ctx.overridable("replay.error", "the replay on host " + me + " has stopped with " +
                                                             ctx.actual(me, "replay-code") + " = " + codes +
                                                             ": what is behind that will be lost"));
    MARS_CO_TRY_VOID(co_await systemd::check_target(ctx));
    if (old && *old != me) MARS_CO_TRY_VOID(check_not_open(ctx, *old));
    warn_of_better_ways(ctx, old);
    auto text = consequences(ctx, old);
    MARS_CO_TRY_VOID(co_await agree(ctx, std::move(text)));
    co_return Step::done;
}

env::task<result<Step>> forced_await_fetch(VerbContext& ctx) {
    MARS_CO_TRY_VOID(co_await wait_indicator(ctx, ctx.me(), "is-copying", "0"));
    co_return Step::done;
}

env::task<result<Step>> forced_designate(VerbContext& ctx) {
    const auto me = ctx.me();
    const auto old = old_primary(ctx);
    if (designated_primary(ctx.view(), ctx.resource()) == me && has_device(ctx)) co_return Step::done;
    // With the stamp of `primary`: marsd waits for nobody then, also after a restart, until somebody else is
    // designated.
    ctx.set(ctx.key("local-" + me + "/" + tree::kForcedMark), old.value_or(std::string(tree::kNone)));
    note_phase(ctx, 8);
    queue_designation(ctx, me);
    if (systemd::has_application(ctx)) {
        ctx.state<Handover>().move = systemd::Move{old.value_or(""), me, ""};
        ctx.set(ctx.key("systemd-want"), me);
    }
    ctx.set_irrevocable(!ctx.is_dry_run());
    MARS_CO_TRY_VOID(co_await ctx.commit());
    if (!ctx.is_dry_run())
        ctx.out().info(ctx.label("designated primary: " + old.value_or("nobody") + " -> " + me + ", by force"));
    co_return Step::done;
}

env::task<result<Step>> forced_await_device(VerbContext& ctx) {
    if (ctx.is_dry_run()) {
        ctx.would("wait for the device");
    } else {
        MARS_CO_TRY_VOID(co_await wait_device(ctx, true));
    }
    turn_all_on(ctx);
    co_return Step::done;
}

} // namespace mars::shell
