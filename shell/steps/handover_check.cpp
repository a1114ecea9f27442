// SPDX-License-Identifier: GPL-2.0-or-later
// Phases 0 and 1 of `primary`: all that can be known before anything is changed.
#include "kernel/tree/heard.hpp"
#include "shell/command/checks.hpp"
#include "shell/command/hosts.hpp"
#include "shell/command/log_links.hpp"
#include "shell/command/wait.hpp"
#include "shell/steps/avoid_split.hpp"
#include "shell/steps/forced_switch.hpp"
#include "shell/steps/handover.hpp"
#include "shell/steps/handover_state.hpp"
#include "shell/steps/membership.hpp"
#include "shell/systemd/target_check.hpp"

namespace mars::shell {

env::task<result<Step>> primary_contact(VerbContext& ctx) {
    MARS_CO_TRY_VOID(check_marsd(ctx, true));
    if (ctx.is_forced()) co_return Step::done; // nobody is waited for
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

} // namespace

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

namespace {

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
                                               *old + ", marsadm invalidate " + ctx.resource() + " on host " + me +
                                               "; to keep that of " + me + ", here: marsadm disconnect " +
                                               ctx.resource() + ", then marsadm primary --force " + ctx.resource());
}

} // namespace

env::task<result<Step>> primary_check(VerbContext& ctx) {
    if (ctx.is_forced()) co_return co_await forced_check(ctx);
    const auto& me = ctx.me();
    const auto& old = old_primary(ctx);
    if (takes_over_from_other(ctx)) {
        MARS_CO_TRY_VOID(check_room_for_links(ctx));
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
    if (systemd::has_application(ctx)) co_return Step::done; // the device will be closed by systemd
    if (old && *old != me && designated_primary(ctx.view(), ctx.resource()))
        MARS_CO_TRY_VOID(check_not_open(ctx, *old));
    co_return Step::done;
}

} // namespace mars::shell
