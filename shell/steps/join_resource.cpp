// SPDX-License-Identifier: GPL-2.0-or-later
// join-resource. Spec: verbs 4.9; symlink-tree 8. The exchange carries all resources to all members of the cluster, so
// nothing need be activated or pushed first, and a refusal leaves nothing behind.
// Tests: tests/unit/shell/verbs_resource_test.cpp.
#include "kernel/format/version_link.hpp"
#include "shell/command/checks.hpp"
#include "shell/command/hosts.hpp"
#include "shell/command/log_links.hpp"
#include "shell/command/wait.hpp"
#include "shell/steps/cluster_keys.hpp"
#include "shell/steps/disk.hpp"
#include "shell/steps/invalidate.hpp"
#include "shell/steps/membership.hpp"
#include "shell/steps/purge.hpp"
#include "shell/steps/resource_life.hpp"
#include "shell/words/size.hpp"

namespace mars::shell {

namespace {

class ResourceJoin {
  public:
    explicit ResourceJoin(VerbContext& ctx)
        : ctx_(ctx), me_(ctx.me()), name_(ctx.argument(1).empty() ? ctx.resource() : ctx.argument(1)) {}

    env::task<result<Step>> go();

  private:
    env::task<result<void>> check_resource();
    result<void> check_primary();
    env::task<result<void>> hear_primary();
    result<void> check_disk_size(const Disk& disk);
    env::task<result<void>> check_signature(std::string path);
    result<void> check_remains() const;
    env::task<result<void>> become_member();
    env::task<result<void>> follow_rotation();

    VerbContext& ctx_;
    std::string me_;
    std::string name_;
    std::string primary_;
    std::string disk_path_;
    format::LogName begun_; // the primary's current log
};

// The resource must be known here, with everything that a new member needs.
env::task<result<void>> ResourceJoin::check_resource() {
    auto& ctx = ctx_;
    auto is_known = [&ctx] {
        return ctx.view().get(ctx.key("size")) && designated_primary(ctx.view(), ctx.resource());
    };
    if (!is_known()) MARS_CO_TRY_VOID(co_await wait_cluster(ctx, total_hosts(ctx.view()), is_known));
    if (!has_resource(ctx.view(), ctx.resource()))
        co_return refusal("res.missing", "it is not known on host " + ctx.self() + " (no " +
                                             ctx.view().absolute(tree::resource_dir(ctx.resource())) +
                                             "); next: create it on its first host, marsadm create-resource " +
                                             ctx.resource() + " DISK");
    if (!ctx.view().get(ctx.key("size")))
        co_return refusal("res.missing", "its size is not known (no " + ctx.key("size") +
                                             "): it was deleted, or has not "
                                             "arrived completely; next: marsadm update-cluster, then try again");
    co_return result<void>();
}

result<void> ResourceJoin::check_primary() {
    auto primary = designated_primary(ctx_.view(), ctx_.resource());
    if (ctx_.view().value(ctx_.key("primary")) == me_) {
        const auto name = ctx_.resource();
        const auto way = members_of(ctx_.view(), name).empty()
                             ? "it has no members any more: marsadm delete-resource " + name +
                                   ", then marsadm create-resource " + name + " DISK"
                             : "marsadm primary " + name + " on a member";
        return refusal("role.self",
                       "host " + me_ + " is itself the designated primary without being a member; next: " + way);
    }
    if (!primary)
        return refusal("role.none", "nobody is designated primary (" + ctx_.key("primary") + " is " +
                                        ctx_.view().value(ctx_.key("primary"), "missing") +
                                        "), so there is nothing to copy; next: marsadm primary " + ctx_.resource() +
                                        " on a member");
    primary_ = *primary;
    return check_sync_source(ctx_);
}

// A replica begins with the log that the primary is at now: what is known of a silent one may be long past.
env::task<result<void>> ResourceJoin::hear_primary() {
    auto& ctx = ctx_;
    std::vector<std::string> source{primary_};
    News news;
    news.is_quiet = true;
    MARS_CO_TRY(const auto alive, co_await wait_for_news(ctx, std::move(source), std::move(news)));
    if (alive > 0) co_return result<void>();
    co_return refusal("replay.link", "the position of the primary " + primary_ +
                                         " is not known: it has not answered host " + ctx.self() + " (" +
                                         ctx.key("replay-" + primary_) + " is " +
                                         ctx.view().value(ctx.key("replay-" + primary_), "missing") +
                                         ", as it was when something was heard last); nothing was changed; next: is "
                                         "marsd running there, and is the line up? Then try again");
}

result<void> ResourceJoin::check_disk_size(const Disk& disk) {
    auto size = static_cast<std::uint64_t>(std::max<std::int64_t>(ctx_.view().number(ctx_.key("size")).value_or(0), 0));
    if (disk.size < size)
        return ctx_.overridable("disk.toosmall", "the disk " + disk.path + " has " + size_text(disk.size) +
                                                     ", the resource needs " + size_text(size) +
                                                     "; take a larger disk");
    if (disk.size > size)
        ctx_.out().hint(ctx_.label("the disk is larger than the resource by " + size_text(disk.size - size)));
    return {};
}

// As mkfs and pvcreate do: what a disk holds is not overwritten without a word. A former replica holds something, too.
env::task<result<void>> ResourceJoin::check_signature(std::string path) {
    const auto found = co_await ctx_.local().disk_signature(path);
    if (found.empty()) co_return result<void>();
    co_return ctx_.overridable("disk.signature",
                               "the disk " + path + " on host " + ctx_.self() + " holds " + found +
                                   ", expected nothing: all of it would be overwritten by a copy of " + primary_ +
                                   "'s; next: take another disk, or, if it may go (or is a "
                                   "former replica), marsadm --force join-resource " +
                                   ctx_.resource() + " " + path);
}

// Own logs and version links with numbers that the primary has reached would contradict its history.
result<void> ResourceJoin::check_remains() const {
    auto plan = plan_purge(ctx_.view(), ctx_.resource(), me_, false);
    for (const auto& [keys, going] : {std::pair(logs_of(ctx_.view(), ctx_.resource()), plan.logs),
                                      std::pair(versions_of(ctx_.view(), ctx_.resource()), plan.versions)})
        for (const auto& key : keys) {
            if (key.id.host != me_ || key.id.seq < begun_.seq) continue;
            if (std::find(going.begin(), going.end(), key.name) != going.end()) continue;
            MARS_TRY_VOID(ctx_.overridable("res.remains", "an old " + ctx_.key(key.name) +
                                                              " of this host is left; next: marsadm log-purge-all " +
                                                              ctx_.resource()));
            ctx_.remove(ctx_.key(key.name));
        }
    return {};
}

env::task<result<void>> ResourceJoin::become_member() {
    auto& ctx = ctx_;
    ctx.set(ctx.key("data-" + me_), disk_path_);
    ctx.set(ctx.key("device-" + me_), name_);
    ctx.set(ctx.key("local-" + me_ + "/joined-disk"), disk_path_); // no other host can say that
    queue_member_directories(ctx);
    MARS_CO_TRY_VOID(co_await queue_position(ctx, primary_, begun_));
    ctx.set(ctx.key("syncstatus-" + me_), "0");
    MARS_CO_TRY_VOID(co_await ctx.commit());
    std::vector<std::string> peers{primary_};
    if (!ctx.is_dry_run()) MARS_CO_TRY_VOID(co_await wait_cluster(ctx, std::move(peers)));
    ctx.set(ctx.todo(me_, "attach"), "1");
    co_return co_await ctx.commit();
}

// When the primary has rotated its log meanwhile, the copied history may look like a split brain: start over then.
env::task<result<void>> ResourceJoin::follow_rotation() {
    constexpr int kAttempts = 3;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
        std::vector<std::string> peers{primary_};
        MARS_CO_TRY_VOID(co_await wait_cluster(ctx_, std::move(peers)));
        if (!find_split_brain(ctx_.view(), ctx_.resource()).found()) co_return result<void>();
        ctx_.out().info(ctx_.label("the primary has changed its log meanwhile, positioning again"));
        for (auto phase : {invalidate_switch_off, invalidate_wait, invalidate_cut, invalidate_purge, invalidate_link,
                           invalidate_switch_on}) {
            MARS_CO_TRY_VOID(co_await phase(ctx_));
            MARS_CO_TRY_VOID(co_await ctx_.commit());
        }
    }
    (void)report_split_brain(ctx_);
    co_return result<void>();
}

env::task<result<Step>> ResourceJoin::go() {
    auto& ctx = ctx_;
    MARS_CO_TRY_VOID(check_new_name(ctx, "resource", ctx.resource()));
    MARS_CO_TRY_VOID(check_new_name(ctx, "device", name_));
    MARS_CO_TRY_VOID(check_mount_point(ctx));
    if (has_storage(ctx.view(), ctx.resource(), me_))
        MARS_CO_TRY_VOID(ctx.overridable("res.joined", "host " + me_ + " is a member already, with the disk " +
                                                           ctx.view().value(ctx.key("data-" + me_), "in the tree")));
    MARS_CO_TRY_VOID(check_marsd(ctx, true));
    MARS_CO_TRY_VOID(co_await check_resource());
    MARS_CO_TRY_VOID(check_space(ctx));
    MARS_CO_TRY(auto disk, co_await examine_disk(ctx, ctx.argument(0), ctx.argument(2)));
    MARS_CO_TRY_VOID(check_device_name(ctx, name_));
    MARS_CO_TRY_VOID(check_disk_size(disk));
    MARS_CO_TRY_VOID(co_await check_signature(disk.path));
    MARS_CO_TRY_VOID(check_primary());
    MARS_CO_TRY_VOID(co_await wait_cluster(ctx, hosts_of(ctx.view(), ctx.resource())));
    MARS_CO_TRY_VOID(check_primary());
    MARS_CO_TRY_VOID(co_await hear_primary());
    if (!ctx.view().get("ips/ip-" + me_))
        co_return refusal("sys.noaddress", "host " + me_ + " has no address in the cluster (no ips/ip-" + me_ +
                                               "); next: marsadm lowlevel-set-host-ip " + me_ + " ADDRESS");
    MARS_CO_TRY(begun_, co_await current_log_of(ctx, primary_));
    if (!version_of(ctx.view(), ctx.resource(), begun_.seq, primary_))
        co_return refusal("replay.link",
                          "the version link " + ctx.key(format::version_key(begun_.seq, primary_)) +
                              " of the primary is missing here; next: marsadm update-cluster, then try again");
    MARS_CO_TRY_VOID(check_remains());
    (void)report_split_brain(ctx);

    disk_path_ = disk.path;
    purge_errors(ctx);
    MARS_CO_TRY_VOID(co_await purge_logs(ctx, false));
    MARS_CO_TRY_VOID(co_await become_member());
    if (ctx.is_dry_run()) co_return Step::done;
    MARS_CO_TRY_VOID(co_await follow_rotation());
    ctx.out().info(ctx.label("host " + me_ + " has joined with the disk " + disk.path +
                             " and copies from the primary " + primary_ + "; watch it: marsadm view " +
                             ctx.resource()));
    co_return Step::done;
}

} // namespace

env::task<result<Step>> join_resource(VerbContext& ctx) {
    ResourceJoin joining(ctx);
    co_return co_await joining.go();
}

} // namespace mars::shell
