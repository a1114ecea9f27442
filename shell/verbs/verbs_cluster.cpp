// SPDX-License-Identifier: GPL-2.0-or-later
// Verbs about the cluster as a whole. Joining has its own file (join_cluster.cpp), waiting is in verbs_wait.cpp.
// Spec: verbs 4.1, 4.6, 4.36. Tests: tests/unit/shell/verbs_cluster_test.cpp.
#include "kernel/base/names.hpp"
#include "shell/command/checks.hpp"
#include "shell/command/hosts.hpp"
#include "shell/command/wait.hpp"
#include "shell/steps/cluster_keys.hpp"
#include "shell/steps/join_cluster.hpp"
#include "shell/verbs/verb_table.hpp"

namespace mars::shell {

namespace {

env::task<result<Step>> create_cluster(VerbContext& ctx) {
    if (ctx.env().storage().status(ctx.view().absolute("ips")))
        MARS_CO_TRY_VOID(ctx.overridable("cluster.exists", "a cluster was already created here (" +
                                                               ctx.view().absolute("ips") + " exists, uuid is " +
                                                               ctx.view().value("uuid", "missing") + ")"));
    MARS_CO_TRY_VOID(check_marsd(ctx, false));
    MARS_CO_TRY_VOID(check_mount_point(ctx));
    MARS_CO_TRY(auto address, co_await find_own_address(ctx, std::string()));
    if (auto uuid = ctx.view().get("uuid"))
        co_return refusal("cluster.uuid",
                          "this host belongs to the cluster " + uuid->value +
                              " already; the identity of a tree is never replaced: use a fresh filesystem");
    MARS_CO_TRY_VOID(check_space(ctx));
    for (const auto& resource : all_resources(ctx.view()))
        ctx.out().warning("there is an old resource " + resource + " in " + ctx.view().root());
    auto uuid = ctx.self() + "_" + ctx.view().lamport().now().text();
    queue_cluster_directories(ctx);
    ctx.set("uuid", uuid);
    MARS_CO_TRY_VOID(co_await ctx.commit());
    queue_member_keys(ctx, address);
    MARS_CO_TRY_VOID(co_await ctx.commit());
    if (ctx.is_dry_run()) co_return Step::done;
    ctx.out().info("created the cluster " + uuid + "; host " + ctx.me() + " has the address " + address);
    ctx.out().hint("next: systemctl start marsd; then on other hosts: marsadm join-cluster " + ctx.me());
    co_return Step::done;
}

// Keys that others keep of this host: actual-*/*-ME.
void remove_own_indicators(VerbContext& ctx) {
    const auto ending = "-" + ctx.me();
    for (const auto& host : ctx.view().suffixes("", "actual-"))
        for (const auto& name : ctx.view().list("actual-" + host))
            if (name.ends_with(ending)) ctx.remove("actual-" + host + "/" + name);
}

env::task<result<void>> wait_unless_forced(VerbContext& ctx, std::vector<std::string> peers) {
    if (ctx.is_forced()) co_return co_await ctx.commit();
    MARS_CO_TRY_VOID(co_await wait_cluster(ctx, std::move(peers)));
    co_return result<void>();
}

env::task<result<Step>> leave_cluster(VerbContext& ctx) {
    for (const auto& resource : all_resources(ctx.view()))
        if (has_storage(ctx.view(), resource, ctx.me()))
            MARS_CO_TRY_VOID(ctx.overridable("cluster.member", "host " + ctx.me() +
                                                                   " is still member of the resource " + resource +
                                                                   "; next: marsadm leave-resource " + resource));
    const auto peers = sharing_hosts(ctx.view());
    const auto everybody = cluster_hosts(ctx.view());
    MARS_CO_TRY_VOID(co_await wait_unless_forced(ctx, peers));
    remove_own_indicators(ctx);
    ctx.remove("ips/ip-" + ctx.me());
    MARS_CO_TRY_VOID(co_await wait_unless_forced(ctx, everybody));
    remove_own_indicators(ctx);
    ctx.remove("todo-global/deleted-" + ctx.me());
    MARS_CO_TRY_VOID(co_await wait_unless_forced(ctx, everybody));
    if (ctx.is_dry_run()) co_return Step::done;
    ctx.out().info("host " + ctx.me() + " has left the cluster " + ctx.view().value("uuid"));
    if (ctx.me() == ctx.self())
        ctx.out().hint("next: systemctl disable --now marsd; before this host may join another cluster, " +
                       ctx.view().root() + " needs a fresh filesystem");
    co_return Step::done;
}

env::task<result<Step>> list_host_ips(VerbContext& ctx) {
    for (const auto& host : cluster_hosts(ctx.view()))
        ctx.out().answer(host + " " + ctx.view().value("ips/ip-" + host));
    co_return Step::done;
}

env::task<result<Step>> set_host_ip(VerbContext& ctx) {
    auto host = ctx.argument(0);
    MARS_CO_TRY_VOID(check_new_name(ctx, "host", host));
    std::optional<std::string> address;
    if (!ctx.argument(1).empty())
        address = ctx.argument(1);
    else
        address = co_await find_address(ctx, host);
    if (!address)
        co_return refusal("sys.noaddress", "no address of host " + host +
                                               " is known; next: marsadm lowlevel-set-host-ip " + host + " ADDRESS");
    ctx.set("ips/ip-" + host, *address);
    MARS_CO_TRY_VOID(co_await ctx.commit());
    if (!ctx.is_dry_run()) ctx.out().info("host " + host + " has the address " + *address);
    co_return Step::done;
}

env::task<result<Step>> delete_host(VerbContext& ctx) {
    auto host = ctx.argument(0);
    MARS_CO_TRY_VOID(check_host_known(ctx, host));
    for (const auto& resource : all_resources(ctx.view()))
        if (has_storage(ctx.view(), resource, host))
            ctx.out().warning("host " + host + " remains member of the resource " + resource +
                              "; next: marsadm --host=" + host + " --force leave-resource " + resource);
    ctx.remove("ips/ip-" + host);
    MARS_CO_TRY_VOID(co_await ctx.commit());
    if (!ctx.is_dry_run()) ctx.out().info("host " + host + " is no member of the cluster any more");
    co_return Step::done;
}

} // namespace

const std::vector<Verb>& cluster_verbs() {
    static const std::vector<Verb> verbs = {
        {.name = "create-cluster",
         .aliases = {},
         .family = Family::cluster,
         .resource = ResourceArgument::none,
         .arguments = {},
         .options = {"ip", "force"},
         .flags = kWrites | kNoUuid,
         .phases = {{.number = 1, .title = "", .run = create_cluster}},
         .summary = "Makes this host the first member of a new cluster.",
         .doc = "Once per cluster. /mars must be a filesystem of its own, and marsd must not run yet. The address is "
                "taken "
                "from the network interfaces unless --ip is given. --force accepts left-over keys in ips/, but never "
                "replaces the identity of an existing cluster.",
         .errors = {"cluster.exists", "dp.forbidden", "sys.nomount", "sys.noaddress", "cluster.uuid", "sys.nospace"}},
        {.name = "join-cluster",
         .aliases = {},
         .family = Family::cluster,
         .resource = ResourceArgument::none,
         .arguments = {{"HOST", ArgumentType::host, true, false, "a member of the cluster"},
                       {"IP", ArgumentType::address, false, false, "its address, when it cannot be found by name"}},
         .options = {"ip", "ip-PEER", "ssh-port", "ssh-opts", "ssh-accept-new", "no-ssh", "window", "force"},
         .flags = kWrites | kClusterWide | kNoUuid,
         .phases = {{.number = 1, .title = "", .run = join_cluster}},
         .summary = "Makes this host a member of the cluster of HOST.",
         .doc =
             "marsd must run on both hosts, and this host must be able to log in to HOST as root by ssh: it asks HOST "
             "for "
             "its cluster, and tells it the own address. Then it waits until the cluster's identity has arrived, at "
             "most "
             "for the time of --window; if it does not, everything is undone here. With --no-ssh the own address must "
             "have been told to HOST before, there: marsadm lowlevel-set-host-ip NAME ADDRESS. --force accepts "
             "resources "
             "that exist here.",
         .errors = {"dp.required", "sys.nomount", "cluster.self", "cluster.uuid", "cluster.address",
                    "cluster.resources", "remote.ssh", "remote.uuid"}},
        {.name = "leave-cluster",
         .aliases = {},
         .family = Family::cluster,
         .resource = ResourceArgument::none,
         .arguments = {},
         .options = {"host", "force"},
         .data_plane = DataPlane::required,
         .flags = kWrites | kClusterWide | kDestroys,
         .phases = {{.number = 1, .title = "", .run = leave_cluster}},
         .summary = "Ends this host's membership in the cluster.",
         .doc =
             "Refused while it is member of a resource. The others forget its address and stop talking to it; the tree "
             "here keeps the identity of the cluster and cannot be used for another one. With --host=NAME for a host "
             "that "
             "is dead for good. --force skips the check and the waiting for the others.",
         .errors = {"dp.required", "cluster.member"}},
        {.name = "lowlevel-ls-host-ips",
         .aliases = {},
         .family = Family::cluster,
         .level = kExpert,
         .resource = ResourceArgument::none,
         .arguments = {},
         .flags = kReads | kInformational | kNoUuid,
         .phases = {{.number = 1, .title = "", .run = list_host_ips}},
         .summary = "Prints name and address of all members of the cluster.",
         .doc = "One line \"NAME ADDRESS\" per member."},
        {.name = "lowlevel-set-host-ip",
         .aliases = {},
         .family = Family::cluster,
         .level = kExpert,
         .resource = ResourceArgument::none,
         .arguments = {{"HOST", ArgumentType::host, true, false, "a member, or a host that is to become one"},
                       {"IP", ArgumentType::address, false, false,
                        "its address; else --ip-HOST or what the resolver says"}},
         .options = {"ip-PEER"},
         .flags = kWrites | kClusterWide | kNoUuid,
         .phases = {{.number = 1, .title = "", .run = set_host_ip}},
         .summary = "Sets the address of a member.",
         .doc =
             "All members learn it. A host with an address may talk to the cluster: only hosts that shall be members "
             "belong here.",
         .errors = {"sys.noaddress", "name.reserved"}},
        {.name = "lowlevel-delete-host",
         .aliases = {},
         .family = Family::cluster,
         .level = kExpert,
         .resource = ResourceArgument::none,
         .arguments = {{"HOST", ArgumentType::host, true, false, "a member"}},
         .flags = kWrites | kClusterWide | kDestroys | kNoUuid,
         .phases = {{.number = 1, .title = "", .run = delete_host}},
         .summary = "Removes the address of a member from the cluster.",
         .doc = "The others stop talking to it. Memberships in resources stay as they are.",
         .errors = {"name.nohost"}},
        {.name = "cluster-identity",
         .aliases = {},
         .family = Family::cluster,
         .level = kInternal,
         .resource = ResourceArgument::none,
         .arguments = {},
         .flags = kReads | kInformational | kNoUuid,
         .phases = {{.number = 1, .title = "", .run = print_cluster_identity}},
         .summary = "Prints what a host that wants to join must know.",
         .doc = "Lines host=NAME, uuid=UUID (empty when there is none), marsd=1 or 0, and member=NAME ADDRESS for each "
                "member. join-cluster runs it on the other host."},
    };
    return verbs;
}

} // namespace mars::shell
