// SPDX-License-Identifier: GPL-2.0-or-later
// Paths: which keys and values are allowed, which directories belong to the tree, and what travels between hosts.
// Pure functions on paths relative to the root. Spec: symlink-tree 1.2, 1.4, 2.14, 5.3, 5.4 (M2, M9, M11), 5.5.
// Tests: tests/unit/tree/paths_test.cpp.
#pragma once

#include <string>
#include <string_view>

#include "kernel/base/result.hpp"

namespace mars::tree {

inline constexpr std::size_t kMaxValueBytes = 4094;
inline constexpr std::size_t kMaxNameBytes = 240; // leaves room for the prefix of a temporary name
inline constexpr std::size_t kMaxDepth = 6;       // components of a path (probe-HOST/mars/resource-RES/…)

// "resource-x/primary" is {"resource-x", "primary"}; "uuid" is {"", "uuid"}.
struct PathParts {
    std::string_view dir;
    std::string_view name;
};
PathParts split_path(std::string_view path);
std::string join_path(std::string_view dir, std::string_view name);

// Fails with invalid_argument for a path that is no key: empty, absolute, "." or "..", a component that begins with a
// dot or has control characters, too long, too deep.
result<void> check_path(std::string_view path);
// Fails with invalid_argument unless the value has 1 to 4094 bytes without NUL and newline (V1, V7).
result<void> check_value(std::string_view value);

// `text` from outside, as it may stand in a message for people: control characters replaced, cut when it is long.
std::string shown(std::string_view text);

// Directories that the daemon holds in memory and exchanges: the root and the ones that the catalogue knows. Everything
// else (cache-*, probe-*, backups-*, local-*, foreign directories) is left alone.
bool is_held_directory(std::string_view dir);
// A key that is sent to and accepted from peers.
bool is_transferable(std::string_view path);
// `actual-HOST/alive` and `actual-HOST/time`: sampled before and applied after everything else (M9).
bool is_barrier(std::string_view path);
// A key whose values only `host` produces: changes of it by others are worth a message (M11). Switches are not: every
// host may move the todo edge.
bool is_written_by(std::string_view path, std::string_view host);
// `log-SEQ-HOST` in a resource.
bool is_log_path(std::string_view path);
// A place where a regular file holds user data (sparse disks): never removed because of something a peer sent.
bool may_hold_user_data(std::string_view path);
// The trigger file of a systemd path unit that a change of `path` by a peer must touch; empty: none (5.5).
std::string systemd_trigger_for(std::string_view path);

} // namespace mars::tree
