// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/command/checks.hpp"

#include <algorithm>

#include "kernel/base/names.hpp"
#include "kernel/tree/heard.hpp"
#include "shell/command/hosts.hpp"
#include "shell/command/log_links.hpp"
#include "shell/command/wait.hpp"
#include "shell/words/size.hpp"
#include "shell/words/suggest.hpp"

namespace mars::shell {

using namespace std::chrono_literals;

namespace {

std::uint64_t size_key(const VerbContext& ctx, const std::string& path) {
    auto number = ctx.view().number(path);
    return number && *number > 0 ? static_cast<std::uint64_t>(*number) : 0;
}

// The verbs that move a switch.
std::string_view verb_for(std::string_view name, bool on) {
    if (name == "attach") return on ? "attach" : "detach";
    if (name == "connect") return on ? "resume-fetch" : "pause-fetch";
    if (name == "sync") return on ? "resume-sync" : "pause-sync";
    return on ? "resume-replay" : "pause-replay";
}

} // namespace

Stamp confirmed(const VerbContext& ctx, const std::string& host, const tree::Link& link) {
    const auto now = ctx.env().clock().now();
    const auto heard = tree::heard_at(ctx.view(), host, now).value_or(Stamp());
    return link.stamp > now ? heard : std::max(link.stamp, heard);
}

bool is_recent(const VerbContext& ctx, Stamp stamp) {
    return ctx.age(stamp) < 2 * ctx.options().window;
}

bool is_fresh(const VerbContext& ctx, Stamp stamp) {
    return ctx.age(stamp) < ctx.options().window / 2;
}

std::optional<format::Message> message_at(const tree::View& view, std::string_view key) {
    auto message = format::Message::parse(view.value(std::string(key)));
    return message && !message->text.empty() ? std::move(message) : std::nullopt;
}

result<void> check_member(VerbContext& ctx) {
    const auto& me = ctx.me();
    if (has_storage(ctx.view(), ctx.resource(), me)) return check_size(ctx, me);
    if (is_guest_or_member(ctx.view(), ctx.resource(), me)) return {};
    if (ctx.view().get(ctx.key("replay-" + me)))
        return ctx.overridable("res.remains-only", "host " + me + " has left it, only replay-" + me +
                                                       " remains; next: marsadm leave-resource --force " +
                                                       ctx.resource());
    return ctx.overridable("res.notmember", "host " + me + " is not a member (no " + ctx.key("device-" + me) +
                                                "); next: marsadm join-resource " + ctx.resource() + " DISK");
}

result<void> check_size(VerbContext& ctx, const std::string& host) {
    auto actual = size_key(ctx, ctx.key("actsize-" + host));
    auto size = size_key(ctx, ctx.key("size"));
    if (actual == 0 || actual >= size) return {};
    return ctx.overridable("disk.shrunk", "the disk of host " + host + " has " + size_text(actual) +
                                              ", less than the resource's " + size_text(size) +
                                              "; enlarge the disk again before doing anything else");
}

result<void> check_switch(VerbContext& ctx, std::string_view name, bool on) {
    if (ctx.view().flag(ctx.todo(ctx.me(), name)) == on) return {};
    std::string text = "the switch " + ctx.todo(ctx.me(), name) + " is " + (on ? "0, expected 1" : "1, expected 0") +
                       "; next: marsadm " + std::string(verb_for(name, on)) + " " + ctx.resource();
    return on ? refusal("todo.off", text) : refusal("todo.on", text);
}

namespace {

enum class RoleState { settled, unsettled };

// A violated check of class F; when it has been warned about already, nothing.
result<void> once(VerbContext& ctx, bool first_look, Reason reason, std::string text) {
    if (ctx.is_forced() && !first_look) return {};
    return ctx.overridable(reason, std::move(text));
}

// One look of C-NOTPRIM.
result<RoleState> look_at_role(VerbContext& ctx, bool forced, bool first_look) {
    const auto& me = ctx.me();
    auto is_primary = ctx.view().get(ctx.actual(me, "is-primary"));
    if (ctx.view().flag(ctx.actual(me, "is-primary"))) {
        auto text = "host " + me + " is the actual primary (" + ctx.actual(me, "is-primary") +
                    " is 1); next: umount /dev/mars/" + ctx.view().value(ctx.key("device-" + me), ctx.resource()) +
                    " and marsadm primary " + ctx.resource() + " on another host";
        if (!forced) return refusal("role.isprimary", text);
        MARS_TRY_VOID(once(ctx, first_look, "role.isprimary", text));
    }
    if (ctx.view().value(ctx.key("primary")) == me)
        MARS_TRY_VOID(once(ctx, first_look, "role.designated",
                           "host " + me + " is the designated primary; next: marsadm primary " + ctx.resource() +
                               " on another host, or marsadm secondary " + ctx.resource()));
    auto primary = ctx.view().get(ctx.key("primary"));
    bool old_enough = !primary || ctx.link_age(ctx.key("primary"), *primary) > ctx.options().window / 2;
    bool is_settled = old_enough && is_primary && is_fresh(ctx, confirmed(ctx, me, *is_primary));
    return is_settled ? RoleState::settled : RoleState::unsettled;
}

// 17 retries of max(1, W/8 + 1) s; 2 with --force. Spec: verbs 2.4.
Duration guard_time(const VerbContext& ctx) {
    Duration pause = std::max<Duration>(1s, ctx.options().window / 8 + 1s);
    return pause * (ctx.is_forced() ? 2 : 17);
}

struct Unsettled {
    std::string text, advice;
};

// What look_at_role() misses, and, when it is a matter of time, how much.
Unsettled why_unsettled(VerbContext& ctx) {
    const auto& me = ctx.me();
    const auto text = "the role of host " + me + " is not settled: ";
    const auto least = seconds_text(ctx.options().window / 2);
    const auto primary = ctx.view().get(ctx.key("primary"));
    const auto age = primary ? ctx.link_age(ctx.key("primary"), *primary) : Duration::max();
    if (age <= ctx.options().window / 2)
        return {text + ctx.key("primary") + " has changed " + seconds_text(age) + " ago, expected " + least +
                    " at least",
                "next: give the command again then"};
    const auto key = ctx.actual(me, "is-primary");
    const auto is_primary = ctx.view().get(key);
    const auto seen = is_primary ? "as of " + seconds_text(ctx.age(confirmed(ctx, me, *is_primary))) +
                                       " ago, expected less than " + least
                                 : std::string("missing");
    return {text + key + " is " + seen, "is marsd running there? Next: start it, or see to the line"};
}

} // namespace

env::task<result<void>> check_not_primary(VerbContext& ctx, bool forced) {
    std::optional<failure> refused;
    Condition condition;
    condition.directories = {tree::resource_dir(ctx.resource()), ctx.key("actual-" + ctx.me())};
    bool first_look = true;
    condition.holds = [&] {
        auto role = look_at_role(ctx, forced, std::exchange(first_look, false));
        if (!role) refused = role.error();
        return !role || *role == RoleState::settled;
    };
    condition.recheck = 1s; // settling is a matter of ages
    const auto budget = std::min(guard_time(ctx), ctx.options().timeout.value_or(Duration::max()));
    condition.description = [&] {
        return why_unsettled(ctx).text + "; waiting for " + seconds_text(budget) + " at most";
    };
    Deadline deadline(ctx, budget);
    MARS_CO_TRY(bool settled, co_await wait_until(ctx, condition, deadline));
    if (refused) co_return *refused;
    if (settled) co_return result<void>();
    const auto why = why_unsettled(ctx);
    co_return ctx.overridable("role.flipping",
                              why.text + ", after waiting for " + seconds_text(deadline.elapsed()) + "; " + why.advice);
}

result<void> check_synced(VerbContext& ctx, const std::string& host) {
    MARS_TRY_VOID(check_size(ctx, host));
    auto role = ctx.view().get(ctx.actual(host, "is-primary"));
    if (role && ctx.view().flag(ctx.actual(host, "is-primary"))) {
        auto age = ctx.age(confirmed(ctx, host, *role));
        if (age < ctx.options().window) return {};
        ctx.out().warning(ctx.label("host " + host + " was primary when last heard of, " + seconds_text(age) + " ago"));
    }
    auto size = size_key(ctx, ctx.key("size"));
    auto done = ctx.view().number(ctx.key("syncstatus-" + host)).value_or(0);
    auto progress = format::compare_progress(replay_of(ctx.view(), ctx.resource(), host),
                                             format::ReplayLink::parse(ctx.view().value(ctx.key("syncpos-" + host))));
    bool whole = size > 0 && done >= 0 && static_cast<std::uint64_t>(done) >= size;
    bool reached = !ctx.view().get(ctx.key("syncpos-" + host)) || progress >= 0;
    if (whole && reached) return {};
    auto text = "the replica of host " + host + " is not complete: " +
                (whole ? "its replay has not reached the end of its sync (" + ctx.key("syncpos-" + host) + ")"
                       : std::to_string(done) + " of " + std::to_string(size) + " bytes are synced");
    if (host == ctx.me())
        return refusal("sync.self", text + "; wait for it, and look at marsadm view " + ctx.resource());
    if (ctx.options().ignore_sync > 0) {
        ctx.out().warning(ctx.label(text + " (ignored because of --ignore-sync)"));
        return {};
    }
    return ctx.overridable("sync.peer", text + "; wait for it, or use --ignore-sync (its sync will start over)");
}

result<void> check_sync_source(VerbContext& ctx) {
    auto primary = designated_primary(ctx.view(), ctx.resource());
    if (!primary)
        return refusal("role.none", "nobody is designated primary (" + ctx.key("primary") + " is " +
                                        ctx.view().value(ctx.key("primary"), "missing") +
                                        "), so there is nothing to sync from; next: marsadm primary " + ctx.resource());
    if (*primary == ctx.me()) return {};
    if (ctx.view().flag(ctx.actual(*primary, "has-emergency")))
        return refusal("emergency.primary", "the primary " + *primary + " is in emergency mode (" +
                                                ctx.actual(*primary, "has-emergency") +
                                                " is 1) and cannot be synced from; next: "
                                                "free space in /mars there");
    return {};
}

result<void> check_new_name(VerbContext& ctx, std::string_view what, const std::string& name) {
    if (!is_identifier(name))
        return refusal("name.syntax", "'" + name + "' cannot be the name of a " + std::string(what) +
                                          ": up to 63 letters, digits, _ and, after the first, -");
    if (is_reserved_name(name))
        return ctx.overridable("name.reserved", "'" + name + "' is a reserved word and no good name of a " +
                                                    std::string(what) + "; choose another one");
    return {};
}

result<void> check_host_known(VerbContext& ctx, const std::string& host) {
    if (ctx.view().get("ips/ip-" + host)) return {};
    return ctx.overridable("name.nohost", "host " + host + " is no member of the cluster (no ips/ip-" + host + ")" +
                                              did_you_mean(host, total_hosts(ctx.view())) +
                                              "; all that are known: marsadm lowlevel-ls-host-ips");
}

result<void> check_marsd(VerbContext& ctx, bool running) {
    if (ctx.is_marsd_running() == running) return {};
    if (running)
        return refusal("dp.required", "marsd does not run on host " + ctx.self() + " (actual-" + ctx.self() +
                                          "/alive is not 1, or too old); next: systemctl start marsd");
    return refusal("dp.forbidden", "marsd runs on host " + ctx.self() + "; next: systemctl stop marsd, then try again");
}

namespace {
constexpr std::uint64_t kLeastFreeBytes = std::uint64_t{8} << 20;
// For what a handover writes, and what marsd tells meanwhile.
constexpr std::uint64_t kLeastFreeInodes = 32;
constexpr std::uint64_t kLinkBytes = 32 * 4096;
} // namespace

result<void> check_space(VerbContext& ctx) {
    auto space = ctx.env().storage().space(ctx.view().root());
    if (!space || space->available_bytes >= kLeastFreeBytes) return {};
    return refusal("sys.nospace", "only " + size_text(space->available_bytes) + " are free in " + ctx.view().root() +
                                      ", at least " + size_text(kLeastFreeBytes) +
                                      " are needed; next: enlarge it, or marsadm log-delete-all all");
}

result<void> check_room_for_links(VerbContext& ctx) {
    const auto space = ctx.env().storage().space(ctx.view().root());
    if (!space) return {};
    std::string found;
    if (space->available_inodes < kLeastFreeInodes)
        found = std::to_string(space->available_inodes) + " inodes are free in " + ctx.view().root() + ", at least " +
                std::to_string(kLeastFreeInodes);
    else if (space->available_bytes < kLinkBytes)
        found = size_text(space->available_bytes) + " are free in " + ctx.view().root() + ", at least " +
                size_text(kLinkBytes);
    if (found.empty()) return {};
    return refusal("sys.nospace", "on host " + ctx.me() + ", only " + found +
                                      " are needed: it would stop half-way, and leave nobody designated; "
                                      "next: make room (df -h " +
                                      ctx.view().root() + "; df -i " + ctx.view().root() +
                                      "; marsadm log-delete-all all), then give the command again");
}

result<void> check_not_open(VerbContext& ctx, const std::string& host) {
    auto link = ctx.view().get(ctx.actual(host, "open-count"));
    if (!link || ctx.view().number(ctx.actual(host, "open-count")).value_or(1) == 0) return {};
    auto device = "/dev/mars/" + ctx.view().value(ctx.key("device-" + host), ctx.resource());
    auto stamp = confirmed(ctx, host, *link);
    auto age = is_recent(ctx, stamp) ? std::string() : " (as of " + seconds_text(ctx.age(stamp)) + " ago)";
    auto text = device + " is in use on host " + host + ": " + ctx.actual(host, "open-count") + " is " + link->value +
                age + "; next: on " + host + " stop what uses it and umount it (umount " + device + "; fuser -vm " +
                device + " tells who it is)";
    return ctx.overridable("device.inuse", text);
}

} // namespace mars::shell
