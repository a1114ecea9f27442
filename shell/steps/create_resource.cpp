// SPDX-License-Identifier: GPL-2.0-or-later
// create-resource. Spec: verbs 4.8; symlink-tree 3.3, 8. Tests: tests/unit/shell/verbs_resource_test.cpp.
#include "kernel/format/version_link.hpp"
#include "shell/command/checks.hpp"
#include "shell/command/hosts.hpp"
#include "shell/command/log_links.hpp"
#include "shell/steps/cluster_keys.hpp"
#include "shell/steps/disk.hpp"
#include "shell/steps/membership.hpp"
#include "shell/steps/purge.hpp"
#include "shell/steps/resource_life.hpp"

namespace mars::shell {

namespace {

constexpr std::int64_t kRecreationStep = 100000; // numbers are never used again. Spec: symlink-tree 11

result<void> check_new_resource(VerbContext& ctx) {
    MARS_TRY_VOID(check_new_name(ctx, "resource", ctx.resource()));
    MARS_TRY_VOID(check_mount_point(ctx));
    auto replaying = replaying_hosts(ctx.view(), ctx.resource());
    if (!replaying.empty())
        MARS_TRY_VOID(
            ctx.overridable("res.exists", "it exists already, with a replica on host " + replaying.front() +
                                              "; creating it again would trash it; next: marsadm join-resource " +
                                              ctx.resource() + " DISK"));
    if (auto members = hosts_of(ctx.view(), ctx.resource()); replaying.empty() && !members.empty())
        MARS_TRY_VOID(ctx.overridable("res.exists", "host " + members.front() + " takes part in it already"));
    if (has_resource(ctx.view(), ctx.resource()))
        ctx.out().hint(ctx.label("there are remains of an earlier resource of this name"));
    return check_space(ctx);
}

// Old logs and version links of ME would be mixed up with the new ones.
result<void> check_remains(VerbContext& ctx) {
    auto plan = plan_purge(ctx.view(), ctx.resource(), ctx.me(), false);
    for (auto keys : {logs_of(ctx.view(), ctx.resource()), versions_of(ctx.view(), ctx.resource())})
        for (const auto& key : keys) {
            bool goes = std::find(plan.logs.begin(), plan.logs.end(), key.name) != plan.logs.end() ||
                        std::find(plan.versions.begin(), plan.versions.end(), key.name) != plan.versions.end();
            if (key.id.host == ctx.me() && !goes)
                return ctx.overridable("res.remains", "an old " + ctx.key(key.name) +
                                                          " is left; next: marsadm delete-resource " + ctx.resource());
        }
    return {};
}

// The keys of the first log: position, empty log, a history that begins with zeros.
void queue_first_log(VerbContext& ctx) {
    const auto& me = ctx.me();
    auto used = ctx.view().number(ctx.key("maxnr")).value_or(0);
    const std::int64_t n = used > 0 ? used + kRecreationStep : 1;
    format::ReplayLink start;
    start.log = {n, me};
    auto before = format::make_zero_version({n - 1, me});
    auto first = format::make_zero_version({n, me}, before.head());
    ctx.set(ctx.key("replay-" + me), start.text());
    ctx.make_empty_file(ctx.key(start.log.text()));
    ctx.set(ctx.key(format::version_key(n - 1, me)), before.text());
    ctx.set(ctx.key(format::version_key(n, me)), first.text());
    if (n > 1) ctx.set(ctx.key("skip-check-" + me), std::to_string(n));
    ctx.set(ctx.key("maxnr"), std::to_string(n));
}

} // namespace

env::task<result<Step>> create_resource(VerbContext& ctx) {
    const auto me = ctx.me();
    const auto name = ctx.argument(1).empty() ? ctx.resource() : ctx.argument(1);
    MARS_CO_TRY_VOID(check_new_resource(ctx));
    MARS_CO_TRY_VOID(check_new_name(ctx, "device", name));
    MARS_CO_TRY(auto disk, co_await examine_disk(ctx, ctx.argument(0), ctx.argument(2)));
    if (const auto holds = co_await ctx.local().disk_signature(disk.path); !holds.empty())
        ctx.out().info(ctx.label("the disk " + disk.path + " holds " + holds + ", which is kept"));
    MARS_CO_TRY_VOID(check_device_name(ctx, name));
    MARS_CO_TRY_VOID(check_remains(ctx));

    const auto size = std::to_string(disk.size);
    purge_errors(ctx);
    ctx.make_directory(tree::resource_dir(ctx.resource()));
    ctx.set(ctx.key("size"), size);
    MARS_CO_TRY_VOID(co_await purge_logs(ctx, false));
    ctx.set(ctx.key("data-" + me), disk.path);
    ctx.set(ctx.key("device-" + me), name);
    queue_member_directories(ctx);
    ctx.set(ctx.key("primary"), me);
    ctx.set(ctx.key("userspace/last-primary"), me);
    ctx.set(ctx.key("syncstatus-" + me), size);
    ctx.set(ctx.key("local-" + me + "/trust-disk"), disk.path); // its content is what is wanted, whatever it is
    queue_first_log(ctx);
    MARS_CO_TRY_VOID(co_await ctx.commit());
    ctx.set(ctx.todo(me, "attach"), "1");
    MARS_CO_TRY_VOID(co_await ctx.commit());
    if (ctx.is_dry_run()) co_return Step::done;
    ctx.out().info(ctx.label("created with the content of " + disk.path + "; host " + me + " is primary"));
    ctx.out().hint(ctx.label("/dev/mars/" + name +
                             (ctx.is_marsd_running() ? " appears in a moment"
                                                     : " appears when marsd "
                                                       "runs: systemctl start marsd") +
                             "; add replicas on other hosts: marsadm join-resource " + ctx.resource() + " DISK"));
    co_return Step::done;
}

} // namespace mars::shell
