// SPDX-License-Identifier: GPL-2.0-or-later
// LinkStore: reads and writes single keys below one root directory on the disk. It knows how a key is represented and
// replaced (temporary, sidecars, markers in the way), not which version should win.
// Used by: Tree (daemon) and DiskView (admin tool), which differ in their temporary names. Spec: symlink-tree 1.6
// to 1.9. Tests: tests/unit/tree/disk_view_test.cpp, tree_test.cpp.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "kernel/base/names.hpp"
#include "kernel/base/result.hpp"
#include "kernel/env/env.hpp"
#include "kernel/tree/view.hpp"

namespace mars::tree {

struct NaturalLess {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const { return natural_less(a, b); }
};

// What is at a path. `link` is set for symlinks only; `mtime` for everything that exists.
struct PathState {
    bool exists = false;
    env::FileKind kind = env::FileKind::other;
    std::optional<Link> link;
    Stamp mtime;
};

class LinkStore {
  public:
    // `temporary_prefix`: ".tmp-" for the daemon, ".tmp.ID." for the admin tool.
    LinkStore(env::Env& env, std::string root, std::string temporary_prefix);

    const std::string& root() const { return root_; }
    std::string absolute(std::string_view path) const;

    // Value and stamp are from the same version (1.8). A missing path is no failure.
    result<PathState> look(std::string_view path) const;
    std::optional<Link> read_link(std::string_view path) const;
    // The links in `dir`, and its other names without a link; none begins with a dot. Natural order.
    std::map<std::string, std::optional<Link>, NaturalLess> names(std::string_view dir) const;

    // Replaces whatever link, marker, or regular file is at `path` in one step. A missing parent is made; one that is a
    // `.deleted` marker is removed for it when the marker is older than `stamp` (D5).
    // False, and no change: a newer marker, sidecar, or a directory that is not empty is in the way.
    // Failures: not_a_directory (a parent is something else), or what the filesystem says.
    result<bool> write(std::string_view path, std::string_view value, Stamp stamp);
    // The same where it is known that a link, or nothing, is at `path`, and that its parent is a directory: quicker.
    result<bool> replace(std::string_view path, std::string_view value, Stamp stamp);
    result<void> remove(std::string_view path);
    // Rewrites the trigger file of a systemd path unit, if a change of the key `path` asks for it (5.5, D6).
    result<void> touch_systemd_trigger(std::string_view path, Stamp now);
    // Makes `dir` and what is missing above it; the same rules as in write().
    result<bool> make_directories(std::string_view dir, Stamp stamp);

  private:
    result<bool> make_one_directory(std::string_view dir, Stamp stamp);
    result<bool> clear_sidecar(std::string_view path, Stamp stamp);
    result<void> rename_link(std::string_view path, std::string_view value, Stamp stamp);

    env::Env& env_;
    std::string root_;
    std::string temporary_prefix_;
};

} // namespace mars::tree
