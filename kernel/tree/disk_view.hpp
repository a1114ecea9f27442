// SPDX-License-Identifier: GPL-2.0-or-later
// DiskView: marsadm's access to a tree: reads keys lazily from the disk (nothing is read that is not asked for), and
// writes batches: several keys with one stamp, renamed in the order in which they were set. It works while marsd is
// down. Spec: symlink-tree 1.7 (admin tool write), L8; verbs 2.1.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kernel/base/result.hpp"
#include "kernel/env/env.hpp"
#include "kernel/tree/lamport.hpp"
#include "kernel/tree/link_store.hpp"
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
    // Writes all changes in order, each atomically, missing directories made, then makes them durable. A later change
    // of the same path replaces an earlier one. On a failure the ones before it stay. Values and paths are checked
    // first (paths.hpp): a bad one fails before anything is written. The fresh stamp is newer than everything that this
    // view has read, than all old versions of these keys, and than what marsd has last published. No comparison with
    // old stamps otherwise: the last command wins on this host. Deleting replaces logfiles and empty directories too; a
    // directory in use stays, silently, and so does a key whose directory is missing. Keys that systemd path units
    // follow
    // (`primary*`, `systemd*`) touch the trigger file.
    // Errors: invalid_argument, file_exists (a regular file is where a key should be), is_a_directory, not_a_directory,
    // or the filesystem's.
    env::task<result<void>> commit(std::vector<Change> changes);

    // Suspends until something below one of `dirs` (relative, not recursive) may have changed, at most `limit`.
    // True: look again; false: time is up. To be called in a loop that checks first and waits then: a call that starts
    // to watch a directory (the first one, or after it was made anew) returns true at once, so that no change is
    // missed. A directory that is missing is waited for through the nearest one above it.
    env::task<result<bool>> wait_for_change(std::vector<std::string> dirs, Duration limit);

  private:
    void see(std::string_view path) const;
    Stamp fresh_stamp(const std::vector<Change>& changes);
    result<void> write(const Change& change, Stamp fresh);
    result<bool> watch_directory(std::string dir);

    env::Env& env_;
    LinkStore store_;
    mutable LamportClock lamport_;
    std::unique_ptr<env::DirectoryWatch> watch_;
    std::map<std::string, std::uint64_t> watched_; // absolute path, inode
};

} // namespace mars::tree
