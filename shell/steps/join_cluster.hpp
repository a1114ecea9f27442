// SPDX-License-Identifier: GPL-2.0-or-later
// join-cluster: how a host becomes a member, and what the asked member answers. Spec: verbs 4.3; symlink-tree 7.2
// (ours: the member is told the newcomer's address by ssh, since there is no push to a stranger).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shell/command/context.hpp"
#include "shell/command/verb.hpp"

namespace mars::shell {

// What `marsadm cluster-identity` prints on a member.
struct ClusterIdentity {
    std::string host;
    std::string uuid;
    bool is_marsd_running = false;
    std::vector<std::pair<std::string, std::string>> members; // name, address

    std::string text() const;
    // nullopt when `text` is something else.
    static std::optional<ClusterIdentity> parse(std::string_view text);
    // The address of a member.
    std::optional<std::string> address_of(std::string_view name) const;
};

env::task<result<Step>> print_cluster_identity(VerbContext& ctx);
env::task<result<Step>> join_cluster(VerbContext& ctx);

} // namespace mars::shell
