// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/command/hosts.hpp"

#include <algorithm>

#include "kernel/base/names.hpp"

namespace mars::shell {

namespace {

void append(std::vector<std::string>& to, std::vector<std::string> from) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

// Hosts H with one of PREFIX-H in the resource; names that cannot be hosts are left out.
std::vector<std::string> with_key(const tree::View& view, std::string_view resource,
                                  std::initializer_list<std::string_view> prefixes) {
    std::vector<std::string> hosts;
    for (const auto& name : view.list(tree::resource_dir(resource)))
        for (auto prefix : prefixes)
            if (name.starts_with(prefix) && is_identifier(std::string_view(name).substr(prefix.size())))
                hosts.push_back(name.substr(prefix.size()));
    sort_names(hosts);
    return hosts;
}

bool is_usable_address(const std::string& value) {
    return !value.empty() && !value.starts_with('(');
}

} // namespace

std::vector<std::string> all_resources(const tree::View& view) {
    auto names = view.suffixes("", "resource-");
    std::erase_if(names, [](const auto& name) { return !is_identifier(name); });
    sort_names(names);
    return names;
}

std::vector<std::string> resources_of(const tree::View& view, std::string_view host) {
    auto names = all_resources(view);
    std::erase_if(names, [&](const auto& name) { return !is_guest_or_member(view, name, host); });
    return names;
}

bool has_resource(const tree::View& view, std::string_view resource) {
    return !view.list(tree::resource_dir(resource)).empty();
}

std::vector<std::string> hosts_of(const tree::View& view, std::string_view resource) {
    return with_key(view, resource, {"device-"});
}

std::vector<std::string> members_of(const tree::View& view, std::string_view resource) {
    return with_key(view, resource, {"data-", "replay-"});
}

std::vector<std::string> replaying_hosts(const tree::View& view, std::string_view resource) {
    return with_key(view, resource, {"replay-"});
}

bool has_storage(const tree::View& view, std::string_view resource, std::string_view host) {
    auto path = tree::resource_key(resource, "data-" + std::string(host));
    return view.get(path) || view.file(path);
}

bool is_guest_or_member(const tree::View& view, std::string_view resource, std::string_view host) {
    return view.has(tree::resource_key(resource, "device-" + std::string(host)));
}

std::vector<std::string> cluster_hosts(const tree::View& view) {
    auto hosts = view.suffixes("ips", "ip-");
    std::erase_if(hosts, [](const auto& name) { return !is_identifier(name); });
    sort_names(hosts);
    return hosts;
}

std::vector<std::string> sharing_hosts(const tree::View& view) {
    std::vector<std::string> hosts;
    for (const auto& resource : all_resources(view)) append(hosts, hosts_of(view, resource));
    if (hosts.empty()) return cluster_hosts(view);
    sort_names(hosts);
    return hosts;
}

std::vector<std::string> total_hosts(const tree::View& view) {
    auto hosts = cluster_hosts(view);
    for (const auto& resource : all_resources(view)) {
        append(hosts, hosts_of(view, resource));
        append(hosts, members_of(view, resource));
    }
    sort_names(hosts);
    return hosts;
}

std::optional<std::string> designated_primary(const tree::View& view, std::string_view resource) {
    auto value = view.value(tree::resource_key(resource, "primary"));
    if (!is_identifier(value) || is_reserved_name(value)) return std::nullopt;
    if (!is_guest_or_member(view, resource, value) && !has_storage(view, resource, value)) return std::nullopt;
    return value;
}

std::optional<std::string> former_primary(const tree::View& view, std::string_view resource) {
    if (auto now = designated_primary(view, resource)) return now;
    auto last = view.value(tree::resource_key(resource, "userspace/last-primary"));
    if (!is_identifier(last) || is_reserved_name(last)) return std::nullopt;
    return last;
}

std::optional<std::string> known_address(const VerbContext& ctx, const std::string& host) {
    const auto& options = ctx.options();
    if (auto given = options.ips.find(host); given != options.ips.end()) return given->second;
    if (host == ctx.me() && !options.ip.empty()) return options.ip;
    auto value = ctx.view().value("ips/ip-" + host);
    if (is_usable_address(value)) return value;
    return std::nullopt;
}

env::task<std::optional<std::string>> find_address(VerbContext& ctx, std::string host) {
    if (auto known = known_address(ctx, host)) co_return known;
    co_return co_await ctx.local().resolve(host);
}

env::task<result<std::string>> find_own_address(VerbContext& ctx, std::string peer) {
    if (auto known = known_address(ctx, ctx.me())) co_return *known;
    if (ctx.me() == ctx.self()) {
        auto address = peer.empty() ? std::nullopt : ctx.local().address_towards(peer);
        if (!address) address = ctx.local().first_address();
        if (address) co_return *address;
    }
    co_return refusal("sys.noaddress", "no IPv4 address of host " + ctx.me() + " is known; give it with --ip=ADDRESS");
}

} // namespace mars::shell
