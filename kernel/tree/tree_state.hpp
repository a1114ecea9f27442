// SPDX-License-Identifier: GPL-2.0-or-later
// Tree::State: what keeps memory and disk of a Tree equal. Internal to the tree.
// tree.cpp: the rules of writing and merging; tree_watch.cpp: scanning and following the disk.
// Invariant: each held directory is watched from before its first scan on, so a change by others is either in the scan
// or in a later event; an event never tells *what* changed, the name is always looked at again. Therefore own writes,
// which are in memory before their event comes, turn out to be no change, and events may be merged or repeated.
#pragma once

#include <memory>

#include "kernel/tree/link_store.hpp"
#include "kernel/tree/subscribers.hpp"
#include "kernel/tree/tree.hpp"
#include "kernel/tree/tree_memory.hpp"

namespace mars::tree {

struct Tree::State {
    State(env::Env& e, std::string root)
        : env(e), store(e, std::move(root), ".tmp-"), lamport(e.clock()), group(e),
          subscribers(std::make_shared<Subscribers>()) {}

    env::Env& env;
    LinkStore store;
    LamportClock lamport;
    TreeMemory memory;
    std::unique_ptr<env::DirectoryWatch> watch;
    env::TaskGroup group;
    std::shared_ptr<Subscribers> subscribers;

    // tree_watch.cpp
    // Looks at the disk and takes over what is there. Directories are scanned. Not held: only looks.
    result<PathState> refresh(const std::string& path);
    // Holds `dir` (again): watches it, takes over all names in it, and forgets the ones that are gone.
    result<void> scan(const std::string& dir);
    env::task<void> follow();
    void handle(const env::DirectoryChange& change);
    // Puts a legal stamp on a key from the future or from before the epoch (L6).
    void repair_stamp(const std::string& path, Link& link);
    void undo_touch(const std::string& path, Link& link);
    void adopt(const std::string& path, std::optional<TreeEntry> entry, std::string_view from);
    result<void> check_stamps_are_kept();

    // tree.cpp
    result<bool> write(const std::string& path, std::string_view value, Stamp stamp, std::string_view from);
    result<void> write_locally(const std::string& path, std::string_view value, const PathState& now);
    result<void> put(std::string_view path, std::string_view value, bool even_if_equal);
};

} // namespace mars::tree
