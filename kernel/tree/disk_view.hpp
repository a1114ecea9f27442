// SPDX-License-Identifier: GPL-2.0-or-later
// DiskView: marsadm's access to a tree: reads keys lazily from the disk (nothing is read that is not asked for), and
// writes batches: several keys with one stamp, renamed in the order in which they were set. It works while marsd is
// down. Spec: symlink-tree 1.7 (admin tool write), L8; verbs 2.1.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kernel/base/result.hpp"
#include "kernel/env/env.hpp"
#include "kernel/tree/lamport.hpp"
#include "kernel/tree/view.hpp"

namespace mars::tree {

class DiskView : public View {
  public:
    DiskView(env::Env& env, std::string root);

    // Reads go to the disk each time; every stamp that is read advances the Lamport clock (L3).
    std::optional<Link> raw(std::string_view path) const override;
    std::optional<FileInfo> file(std::string_view path) const override;
    std::vector<std::string> list(std::string_view dir) const override;

    const std::string& root() const;
    std::string absolute(std::string_view path) const;
    LamportClock& lamport() const;

    // Pending keys of one commit.
    struct Change {
        std::string path;
        std::string value;          // kDeleted deletes
        std::optional<Stamp> stamp; // only for the special stamps of symlink-tree 1.7; default: one fresh common stamp
    };
    // Writes all changes in order, each atomically, missing directories made, then makes them durable. On a failure the
    // ones before it stay. Values and paths are checked first (V1, N1 …): a bad one fails before anything is written.
    env::task<result<void>> commit(std::vector<Change> changes);

    // Suspends until something below one of `dirs` (relative, not recursive) may have changed, at most `limit`.
    // True: look again; false: time is up. Never misses a change made after construction of the watch by the first
    // call.
    env::task<result<bool>> wait_for_change(std::vector<std::string> dirs, Duration limit);

  private:
    env::Env& env_;
    std::string root_;
    mutable LamportClock lamport_;
    std::unique_ptr<env::DirectoryWatch> watch_;
    std::vector<std::string> watched_;
};

} // namespace mars::tree
