// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/command/startup.hpp"

#include <algorithm>

#include "kernel/base/names.hpp"
#include "kernel/base/plain_text.hpp"
#include "kernel/base/split.hpp"
#include "shell/command/checks.hpp"
#include "shell/command/hosts.hpp"
#include "shell/command/snapshot_view.hpp"
#include "shell/command/wait.hpp"
#include "shell/words/suggest.hpp"

namespace mars::shell {

namespace {

constexpr int kTreeMajor = 0; // version of the tree layout that this program knows: 0.1
constexpr int kTreeMinor = 1;

// /etc/hostname, when it has a value, must say the same as the kernel: else the name will change at the next boot.
result<void> check_hostname(VerbContext& ctx) {
    const auto& self = ctx.self();
    if (self.find('.') != std::string::npos)
        return refusal("sys.hostname", "the nodename '" + self +
                                           "' contains a dot; set it without the domain: hostname " +
                                           self.substr(0, self.find('.')));
    if (!is_identifier(self))
        return refusal("sys.hostname", "the nodename '" + self +
                                           "' is no usable name of a host: up to 63 letters, digits, _ "
                                           "and, after the first, -");
    auto file = ctx.env().storage().read_file("/etc/hostname", 1024);
    if (!file) return {};
    auto name = plain_text(*file);
    name.resize(std::min(name.size(), name.find_first_of(" \t\n.")));
    if (name.empty() || name == self) return {};
    return refusal("sys.hostname", "the nodename is '" + self + "', but /etc/hostname says '" + name +
                                       "'; make them equal, keys in the tree carry this name");
}

result<void> check_version(VerbContext& ctx) {
    auto value = ctx.view().value("actual-" + ctx.me() + "/tree");
    int major = 0;
    int minor = 0;
    if (std::sscanf(value.c_str(), "%d.%d", &major, &minor) != 2) return {};
    if (std::pair(major, minor) <= std::pair(kTreeMajor, kTreeMinor)) return {};
    return refusal("sys.version", "the tree of host " + ctx.me() + " has version " + value +
                                      ", this marsadm understands 0.1; install the newer marsadm");
}

result<void> check_uuid(VerbContext& ctx) {
    if (ctx.request().verb->has(kNoUuid) || ctx.view().get("uuid")) return {};
    return refusal("sys.nouuid", "host " + ctx.self() + " belongs to no cluster yet (no " +
                                     ctx.view().absolute("uuid") +
                                     "); next: marsadm create-cluster, or marsadm join-cluster HOST");
}

result<void> check_acting_host(VerbContext& ctx) {
    const auto& host = ctx.options().host;
    if (host.empty()) return {};
    if (is_reserved_name(host))
        MARS_TRY_VOID(
            ctx.overridable("name.reserved", "'" + host + "' is a reserved word and cannot be the value of --host"));
    MARS_TRY_VOID(check_host_known(ctx, host));
    if (host != ctx.self() && !ctx.request().verb->has(kInformational))
        ctx.out().warning("acting for host " + host + ", not for the local host " + ctx.self());
    return {};
}

result<void> check_data_plane(VerbContext& ctx) {
    switch (ctx.request().verb->data_plane) {
    case DataPlane::any:
        return {};
    case DataPlane::required:
        return check_marsd(ctx, true);
    case DataPlane::forbidden:
        return check_marsd(ctx, false);
    }
    return {};
}

} // namespace

// Else what cannot be read would be said not to exist.
result<void> check_readable(const Surroundings& surroundings, const std::string& root, const std::string& what) {
    if (surroundings.local.is_root()) return {};
    const auto names = surroundings.env.storage().list(root);
    if (names || names.error().is(std::errc::no_such_file_or_directory)) return {};
    return refusal("sys.root", root + " on host " + surroundings.env.hostname() + " cannot be read by this user (" +
                                   names.error().text + "); next: sudo marsadm " + what);
}

result<void> check_startup(VerbContext& ctx) {
    const auto& verb = *ctx.request().verb;
    if (verb.has(kNoTree)) return {};
    MARS_TRY_VOID(check_hostname(ctx));
    MARS_TRY_VOID(check_version(ctx));
    if (!verb.has(kAnyUser) && !ctx.local().is_root())
        return refusal("sys.root", "only root may do that; next: sudo marsadm " + std::string(verb.name));
    auto root = ctx.env().storage().status(ctx.view().root());
    if (!root || root->kind != env::FileKind::directory)
        return refusal("sys.noroot-dir", "there is no directory " + ctx.view().root() +
                                             "; next: make a filesystem of its own for it and mount it there");
    MARS_TRY_VOID(check_readable(ctx.surroundings(), ctx.view().root(), ctx.request().spelling));
    MARS_TRY_VOID(check_acting_host(ctx));
    MARS_TRY_VOID(check_uuid(ctx));
    return check_data_plane(ctx);
}

namespace {

// The resource of ME that has the device name `name`, if it is exactly one.
std::optional<std::string> by_device_name(const VerbContext& ctx, const std::string& name) {
    std::vector<std::string> found;
    for (const auto& resource : resources_of(ctx.view(), ctx.me()))
        if (ctx.view().value(tree::resource_key(resource, "device-" + ctx.me())) == name) found.push_back(resource);
    if (found.size() != 1) return std::nullopt;
    return found.front();
}

// C-RES.
env::task<result<std::string>> find_resource(VerbContext& ctx, std::string name) {
    if (has_resource(ctx.view(), name)) co_return name;
    if (ctx.is_marsd_running() && ctx.local().is_root()) {
        auto there = [&] { return has_resource(ctx.view(), name); };
        News news; // a host that is silent does not make a name longer to refuse
        news.enough = there;
        news.deciding.emplace(); // nobody
        news.is_quiet = true;
        (void)co_await wait_for_news(ctx, sharing_hosts(ctx.view()), std::move(news)); // who cannot ask, does without
        if (there()) co_return name;
    }
    if (auto resource = by_device_name(ctx, name)) {
        ctx.out().warning("there is no resource " + name + ", but " + *resource + " has this device name: taking that");
        co_return *resource;
    }
    co_return refusal(
        "res.missing",
        "it is not known on host " + ctx.self() + " (no " + ctx.view().absolute(tree::resource_dir(name)) + ")" +
            did_you_mean(name, all_resources(ctx.view())) +
            "; all that are known: marsadm view-all-resources; next: marsadm update-cluster, if it is new");
}

} // namespace

env::task<result<Addressed>> expand_resources(VerbContext& ctx) {
    const auto& request = ctx.request();
    Addressed addressed;
    if (request.resources.empty() && request.verb->resource != ResourceArgument::optional) co_return addressed;
    if (request.resources.empty() || request.resources == "all") {
        const bool only_shows = request.verb->has(kInformational);
        addressed.names = only_shows ? resources_of(SnapshotView(ctx.view(), ctx.env().storage()), ctx.me())
                                     : resources_of(ctx.view(), ctx.me());
        if (addressed.names.empty() && !request.verb->has(kInformational))
            ctx.out().warning("host " + ctx.me() + " is member of no resource, nothing to do");
        co_return addressed;
    }
    auto words = all_parts(request.resources, ',');
    sort_names(words);
    for (auto& word : words) {
        if (request.verb->has(kNoResourceCheck)) {
            addressed.names.push_back(std::move(word));
            continue;
        }
        auto found = co_await find_resource(ctx, word);
        if (!found && reason_of(found.error()).name != "res.missing") co_return found.error();
        if (found)
            addressed.names.push_back(std::move(*found));
        else
            addressed.missing.emplace_back(word, found.error());
    }
    sort_names(addressed.names); // two names may have led to the same resource
    co_return addressed;
}

} // namespace mars::shell
