// SPDX-License-Identifier: GPL-2.0-or-later
// Who is who in a tree: resources, members, peers, addresses, roles. All read from the tree each time; nothing is
// cached. Spec: verbs 2.2, 2.8; symlink-tree 2.2, 2.7, 2.8. Tests: tests/unit/shell/verbs_cluster_test.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shell/command/context.hpp"

namespace mars::shell {

// All resources of the tree, and those in which `host` is member or guest, in natural order.
std::vector<std::string> all_resources(const tree::View& view);
std::vector<std::string> resources_of(const tree::View& view, std::string_view host);
bool has_resource(const tree::View& view, std::string_view resource);

// Hosts of a resource: with `device-` (members and guests), and with `data-` or `replay-` (members).
std::vector<std::string> hosts_of(const tree::View& view, std::string_view resource);
std::vector<std::string> members_of(const tree::View& view, std::string_view resource);
// Hosts with a readable replay link.
std::vector<std::string> replaying_hosts(const tree::View& view, std::string_view resource);
// `host` stores data of the resource: data-HOST is a key or a regular file.
bool has_storage(const tree::View& view, std::string_view resource, std::string_view host);
bool is_guest_or_member(const tree::View& view, std::string_view resource, std::string_view host);

// Everybody with an address in ips/.
std::vector<std::string> cluster_hosts(const tree::View& view);
// Everybody who shares a resource with anybody, and, if there is no resource at all, all hosts of the cluster.
std::vector<std::string> sharing_hosts(const tree::View& view);
// Everybody in ips/ or named in any resource.
std::vector<std::string> total_hosts(const tree::View& view);

// The designated primary: a host name, or nullopt for nobody. A host that was removed from the resource
// (leave-resource --host) counts as nobody.
std::optional<std::string> designated_primary(const tree::View& view, std::string_view resource);
// The primary to take over from: the designated one, else the last one.
std::optional<std::string> former_primary(const tree::View& view, std::string_view resource);

// The address of `host` without asking anybody: --ip-HOST, --ip for the acting host, ips/ip-HOST. Spec: verbs 2.8.
std::optional<std::string> known_address(const VerbContext& ctx, const std::string& host);
// The same, then what the resolver says.
env::task<std::optional<std::string>> find_address(VerbContext& ctx, std::string host);
// The address of the acting host; `peer`: an address which it is to be reached from, may be empty.
env::task<result<std::string>> find_own_address(VerbContext& ctx, std::string peer);

} // namespace mars::shell
