// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/steps/cluster_keys.hpp"

namespace mars::shell {

namespace {
constexpr std::string_view kProtocolVersion = "2.9"; // what other members take this program for
constexpr std::string_view kProductionRoot = "/mars";
constexpr std::size_t kMountsBytes = std::size_t{4} << 20;
} // namespace

std::vector<std::string> cluster_directories(const std::string& host) {
    return {"ips", "userspace", "defaults", "defaults-" + host, "todo-global", "actual-" + host};
}

void queue_cluster_directories(VerbContext& ctx) {
    for (auto& directory : cluster_directories(ctx.me())) ctx.make_directory(std::move(directory));
    ctx.set("actual-" + ctx.me() + "/marsadm-version", std::string(kProtocolVersion));
}

void queue_member_keys(VerbContext& ctx, const std::string& address) {
    ctx.set("defaults-" + ctx.me() + "/sync-limit", "0");
    ctx.set("defaults-" + ctx.me() + "/sync-pref-list", std::string(tree::kNone));
    ctx.set("ips/ip-" + ctx.me(), address);
}

result<void> check_mount_point(VerbContext& ctx) {
    if (ctx.view().root() != kProductionRoot) return {};
    auto mounts = ctx.env().storage().read_file("/proc/mounts", kMountsBytes);
    if (!mounts) {
        ctx.out().warning("cannot find out whether /mars is a mount point: " + mounts.error().text);
        return {};
    }
    if (mounts->find(" /mars ") != std::string::npos) return {};
    return refusal("sys.nomount",
                   "/mars is no mount point: transaction logs need a filesystem of their own, else they fill "
                   "the root filesystem; next: mount one at /mars");
}

bool is_free(const VerbContext& ctx) {
    auto uuid = ctx.view().get("uuid");
    return !uuid || uuid->value == kAnyUuid;
}

} // namespace mars::shell
