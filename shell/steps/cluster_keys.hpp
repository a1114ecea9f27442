// SPDX-License-Identifier: GPL-2.0-or-later
// What create-cluster and join-cluster have in common. Spec: verbs 4.1; symlink-tree 7.1.
#pragma once

#include <string>
#include <vector>

#include "shell/command/context.hpp"

namespace mars::shell {

inline constexpr std::string_view kAnyUuid = "(any)";

// The directories of a member's tree.
std::vector<std::string> cluster_directories(const std::string& host);
// Queues these directories and the version of this program's protocol.
void queue_cluster_directories(VerbContext& ctx);
// Queues defaults-ME/* and the own address.
void queue_member_keys(VerbContext& ctx, const std::string& address);
// The production tree must be a filesystem of its own. Trees elsewhere (tests) need not.
result<void> check_mount_point(VerbContext& ctx);
// True when the uuid is missing or stands for any cluster.
bool is_free(const VerbContext& ctx);

} // namespace mars::shell
