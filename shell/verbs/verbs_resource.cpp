// SPDX-License-Identifier: GPL-2.0-or-later
// The life of a resource. Spec: verbs 4.8 … 4.11. Tests: tests/unit/shell/verbs_resource_test.cpp.
#include <algorithm>

#include "shell/command/checks.hpp"
#include "shell/command/hosts.hpp"
#include "shell/command/wait.hpp"
#include "shell/steps/purge.hpp"
#include "shell/steps/resource_life.hpp"
#include "shell/systemd/phases.hpp"
#include "shell/verbs/verb_table.hpp"

namespace mars::shell {

namespace {

struct Leaving {
    bool had_many_replicas = false;
};

// Everything of ME must be switched off and at rest.
std::string list_what_is_on(const VerbContext& ctx) {
    std::string found;
    auto note = [&](const std::string& path) {
        if (ctx.view().flag(path)) found += (found.empty() ? "" : ", ") + path + " is 1";
    };
    for (auto name : {"attach", "connect", "sync", "allow-replay"}) note(ctx.todo(ctx.me(), name));
    for (const auto& name : ctx.view().list(ctx.key("actual-" + ctx.me())))
        if (name.starts_with("is-") || name.starts_with("logfile-")) note(ctx.actual(ctx.me(), name));
    return found;
}

env::task<result<Step>> leave_check(VerbContext& ctx) {
    auto& state = ctx.state<Leaving>();
    state.had_many_replicas = replaying_hosts(ctx.view(), ctx.resource()).size() > 2;
    if (state.had_many_replicas) MARS_CO_TRY_VOID(co_await wait_cluster(ctx, hosts_of(ctx.view(), ctx.resource())));
    MARS_CO_TRY_VOID(co_await check_not_primary(ctx, true));
    auto on = list_what_is_on(ctx);
    if (!on.empty())
        MARS_CO_TRY_VOID(ctx.overridable("actual.on", "host " + ctx.me() + " is not at rest: " + on +
                                                          "; next: marsadm down " + ctx.resource()));
    co_return Step::done;
}

env::task<result<Step>> leave_delete(VerbContext& ctx) {
    const auto& me = ctx.me();
    for (auto prefix :
         {"replay-", "data-", "syncstatus-", "syncpos-", "skip-check-", "verifystatus-", "device-", "actsize-"})
        ctx.remove(ctx.key(prefix + me));
    const auto ending = "-" + me;
    for (const auto& directory : ctx.view().list(tree::resource_dir(ctx.resource())))
        if (directory.ends_with(ending))
            for (const auto& name : ctx.view().list(ctx.key(directory))) ctx.remove(ctx.key(directory + "/" + name));
    co_return Step::done;
}

env::task<result<Step>> leave_purge(VerbContext& ctx) {
    MARS_CO_TRY_VOID(co_await purge_logs(ctx, false));
    purge_errors(ctx);
    co_return Step::done;
}

env::task<result<Step>> leave_wait(VerbContext& ctx) {
    if (replaying_hosts(ctx.view(), ctx.resource()).size() > 1 || ctx.state<Leaving>().had_many_replicas) {
        MARS_CO_TRY_VOID(co_await wait_cluster(ctx, sharing_hosts(ctx.view())));
        MARS_CO_TRY_VOID(co_await purge_logs(ctx, false));
    }
    purge_errors(ctx);
    ctx.tell_when_written("host " + ctx.me() + " has left; the content of its disk is as it was");
    co_return Step::done;
}

std::string join_names(const std::vector<std::string>& names) {
    std::string text;
    for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
    return text;
}

// Queues the deletion of everything below `directory`, leaves first.
void remove_below(VerbContext& ctx, const std::string& directory) {
    for (const auto& name : ctx.view().list(directory)) {
        auto path = directory + "/" + name;
        auto status = ctx.env().storage().status(ctx.view().absolute(path));
        if (status && status->kind == env::FileKind::directory)
            remove_below(ctx, path);
        else if (name != "maxnr")
            ctx.remove(path);
    }
}

env::task<result<Step>> delete_resource(VerbContext& ctx) {
    if (!has_resource(ctx.view(), ctx.resource())) {
        auto text = "it does not exist (no " + ctx.view().absolute(tree::resource_dir(ctx.resource())) + ")";
        if (!ctx.is_forced()) co_return refusal("res.missing", text);
        ctx.out().warning(ctx.label(text));
        co_return Step::done;
    }
    auto members = hosts_of(ctx.view(), ctx.resource());
    for (auto& host : members_of(ctx.view(), ctx.resource()))
        if (std::find(members.begin(), members.end(), host) == members.end()) members.push_back(std::move(host));
    if (!members.empty())
        MARS_CO_TRY_VOID(ctx.overridable("res.notempty", "it has members: " + join_names(members) +
                                                             "; next, on each of them: marsadm down " + ctx.resource() +
                                                             ", marsadm leave-resource " + ctx.resource()));
    remove_below(ctx, tree::resource_dir(ctx.resource()));
    MARS_CO_TRY_VOID(co_await ctx.commit());
    if (!ctx.is_dry_run()) ctx.out().info(ctx.label("deleted; the contents of the disks are as they were"));
    co_return Step::done;
}

// What marsd has no witness for, or doubts, becomes a fact by the operator's word. Never for a copy under way.
env::task<result<Step>> trust_disk(VerbContext& ctx) {
    const auto& me = ctx.me();
    const auto path = ctx.view().value(ctx.key("data-" + me));
    const auto size = ctx.view().number(ctx.key("size")).value_or(0);
    const auto done = ctx.view().number(ctx.key("syncstatus-" + me)).value_or(0);
    if (done < size)
        co_return refusal("sync.pending",
                          "the copy to host " + me + " has not finished (" + std::to_string(done) + " of " +
                              std::to_string(size) +
                              " bytes): the content of its disk is nothing to believe in; next: marsadm "
                              "resume-sync " +
                              ctx.resource());
    // A disk that is attached is proven: then only what lies behind it can be in question.
    const bool is_attached = ctx.view().flag(ctx.actual(me, "is-attached")) && ctx.is_marsd_running();
    const auto waits = is_attached ? message_at(ctx.view(), ctx.actual(me, "msg-err-past-missing")) : std::nullopt;
    if (is_attached && !waits)
        co_return refusal("disk.proven", "the disk " + path + " of host " + me +
                                             " is attached, so marsd has proven it; nothing to do");
    const auto position = ctx.view().value(ctx.key("replay-" + me), "unknown");
    const auto again = "marsadm --force trust-disk " + ctx.resource();
    const auto risk =
        waits ? waits->text.substr(0, waits->text.find("; next:")) + ". To go on at " + position +
                    " means: what was written behind is given up, and members that have it, or less, will have to be "
                    "invalidated; next: see to the line to the other members, or " +
                    again
              : "nothing proves that " + path + " on host " + me +
                    " is the disk that MARS has worked with. To believe it means: its content is the one at " +
                    position + " of " + std::to_string(size) +
                    " bytes. If that is wrong, wrong data is served, or replicated; next: " + again +
                    ", or marsadm invalidate " + ctx.resource() + " to copy it anew";
    MARS_CO_TRY_VOID(ctx.overridable("disk.unproven", risk));
    ctx.set(ctx.key("local-" + me + "/trust-disk"), path);
    MARS_CO_TRY_VOID(co_await ctx.commit());
    if (!ctx.is_dry_run())
        ctx.out().info(
            ctx.label("host " + me + " believes that " + path + " holds what was written up to " + position));
    co_return Step::done;
}

std::vector<Argument> disk_arguments() {
    return {{"DISK", ArgumentType::disk, true, false, "absolute path of a block device or a regular file"},
            {"NAME", ArgumentType::device, false, false, "of the device /dev/mars/NAME; else the resource's"},
            {"SIZE", ArgumentType::size, false, false, "bytes, a multiple of 4096, like 10G; else the whole disk"}};
}

} // namespace

const std::vector<Verb>& resource_verbs() {
    static const std::vector<Verb> verbs = {
        {.name = "create-resource",
         .aliases = {},
         .family = Family::resource,
         .resource = ResourceArgument::one,
         .arguments = disk_arguments(),
         .options = {"force"},
         .flags = kWrites | kNoResourceCheck | kNoMemberCheck,
         .phases = {{.number = 1, .title = "", .run = create_resource, .name = "create"},
                    {.number = 2, .title = "", .run = systemd::generate_phase, .name = "generate"}},
         .summary = "Makes a new resource out of the content of DISK; this host becomes its primary.",
         .doc = "Once per resource; further replicas are added by join-resource on other hosts. The disk keeps its "
                "content "
                "and must not be in use. /dev/mars/NAME appears as soon as marsd runs. --force ignores existing "
                "members, a "
                "busy disk and remains of an earlier resource. When only the units of systemd cannot be made, the "
                "status is 5: marsadm systemd-trigger, when that is cured.",
         .errors = {"name.reserved", "res.exists", "disk.missing", "disk.busy", "usage.size", "disk.size",
                    "device.name", "res.remains", "sys.nospace", "unit.write", "unit.job", "unit.bus"}},
        {.name = "join-resource",
         .aliases = {},
         .family = Family::resource,
         .resource = ResourceArgument::one,
         .arguments = disk_arguments(),
         .options = {"force"},
         .data_plane = DataPlane::required,
         .flags = kWrites | kDestroys | kNoResourceCheck | kNoMemberCheck,
         .phases = {{.number = 1, .title = "", .run = join_resource, .name = "join"},
                    {.number = 2, .title = "", .run = systemd::generate_phase, .name = "generate"}},
         .summary = "Makes DISK a replica of an existing resource.",
         .doc = "The content of DISK is overwritten by a copy of the primary's. It must not be in use, not be smaller "
                "than the resource, and hold nothing that is known (a filesystem, LVM, a partition table). The sync is "
                "not waited for. --force ignores all these, and remains of an earlier membership. When only the units "
                "of systemd cannot be made, the status is 5: marsadm systemd-trigger, when that is cured.",
         .errors = {"res.joined", "res.missing", "disk.missing", "disk.busy", "disk.size", "disk.toosmall",
                    "disk.signature", "device.name", "role.none", "role.self", "emergency.primary", "replay.link",
                    "res.remains", "sys.noaddress", "sys.nospace", "unit.write", "unit.job", "unit.bus"}},
        {.name = "trust-disk",
         .aliases = {},
         .family = Family::resource,
         .resource = ResourceArgument::one,
         .arguments = {},
         .options = {"force"},
         .flags = kWrites,
         .phases = {{.number = 1, .title = "", .run = trust_disk, .name = "trust"}},
         .summary = "Says that this host's disk holds what the replay position says, although nothing proves it.",
         .doc = "For a tree of an earlier release (which left no witness of its disks), and for a disk that marsd does "
                "not attach because its content or identity differs from what was left there. Also for a primary that "
                "waits because /mars was put back from an older picture, or its newest log is gone: it goes on without "
                "what is missing. Says what is believed, and does it with --force. When in doubt on a secondary, "
                "invalidate costs little: only what differs is copied.",
         .errors = {"sync.pending", "disk.proven", "disk.unproven"}},
        {.name = "leave-resource",
         .aliases = {},
         .family = Family::resource,
         .resource = ResourceArgument::list,
         .arguments = {},
         .options = {"host", "force"},
         .flags = kWrites | kDestroys,
         .phases = {{.number = 1, .title = "check", .run = leave_check, .name = "check"},
                    {.number = 2, .title = "delete the membership", .run = leave_delete, .name = "delete"},
                    {.number = 3, .title = "purge logs", .run = leave_purge, .name = "purge"},
                    {.number = 4,
                     .title = "wait for the others",
                     .run = leave_wait,
                     .name = "await-others",
                     .together = true},
                    {.number = 5, .title = "", .run = systemd::generate_phase, .name = "generate"}},
         .summary = "Gives this host's replica up.",
         .doc = "Everything must be switched off before (down), and this host must not be primary; after a change of "
                "role it "
                "waits up to 30 s until that has settled. The content of the disk is not touched. With --host=NAME "
                "--force "
                "for a host that is dead for good. When only the units of systemd cannot be made, the status is 5: "
                "marsadm systemd-trigger, when that is cured.",
         .errors = {"role.isprimary", "role.designated", "role.flipping", "actual.on", "logs.race", "unit.write",
                    "unit.job", "unit.bus"}},
        {.name = "delete-resource",
         .aliases = {},
         .family = Family::resource,
         .resource = ResourceArgument::list,
         .arguments = {},
         .options = {"force", "dry-run"},
         .flags = kWrites | kDestroys | kClusterWide | kNoResourceCheck | kNoMemberCheck,
         .phases = {{.number = 1, .title = "", .run = delete_resource, .name = "delete"},
                    {.number = 2, .title = "", .run = systemd::generate_phase, .name = "generate"}},
         .summary = "Removes a resource that has no members any more.",
         .doc =
             "Only its highest log number is kept, so that a new resource of the same name does not use numbers again. "
             "With --force also while there are members: the resource is destroyed under them. Try --dry-run first. "
             "When only the units of systemd cannot be made, the status is 5: marsadm systemd-trigger, when that is "
             "cured.",
         .errors = {"res.missing", "res.notempty", "unit.write", "unit.job", "unit.bus"}},
    };
    return verbs;
}

} // namespace mars::shell
