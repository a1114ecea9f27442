// SPDX-License-Identifier: GPL-2.0-or-later
// Tree::State: what keeps memory and disk of a Tree equal. Internal to the tree.
// tree.cpp: the rules of writing and merging; tree_watch.cpp: scanning and following the disk.
// Invariant: each held directory is watched from before its first scan on, so a change by others is either in the scan
// or in a later event; an event never tells *what* changed, the name is always looked at again. Therefore own writes,
// which are in memory before their event comes, turn out to be no change, and events may be merged or repeated.
// So memory is what is on the disk, but for names whose events have come and that were not looked at yet (`unseen`),
// and while events were lost and not everything has been looked at again (`must_scan`, `is_scanning`). Who is about to
// replace a key takes the events first; who finds that nothing is to be done need not.
#pragma once

#include <deque>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "kernel/tree/link_store.hpp"
#include "kernel/tree/subscribers.hpp"
#include "kernel/tree/tree.hpp"
#include "kernel/tree/tree_memory.hpp"

namespace mars::tree {

struct Tree::State {
    State(env::Env& e, std::string root)
        : env(e), store(e, std::move(root), ".tmp-"), lamport(e.clock()), group(e), has_unseen(e.lot()),
          subscribers(std::make_shared<Subscribers>()) {}

    env::Env& env;
    LinkStore store;
    LamportClock lamport;
    TreeMemory memory;
    std::unique_ptr<env::DirectoryWatch> watch;
    std::set<std::string, std::less<>> unseen;
    std::deque<std::string> to_look_at; // the same, in the order of their events, and some that have been looked at
    bool must_scan = false;
    bool is_scanning = false;
    env::TaskGroup group;
    env::Event has_unseen;
    std::shared_ptr<Subscribers> subscribers;

    // tree_watch.cpp
    // Looks at the disk and takes over what is there. Directories are scanned. Not held: only looks.
    result<PathState> refresh(const std::string& path);
    result<PathState> look_at(const std::string& path);
    // What is at `path`, from memory where that is sure to be right.
    result<PathState> known(const std::string& path);
    bool is_in_doubt(std::string_view path) const;
    // Holds `dir` (again): watches it, takes over all names in it, and forgets the ones that are gone.
    result<void> scan(const std::string& dir);
    // The same for the whole tree, in portions.
    env::task<result<void>> scan_all();
    result<std::set<std::string>> begin_scan(const std::string& dir);
    // Takes the events that are there, without looking at anything.
    void take_events();
    void note(const std::vector<env::DirectoryChange>& changes);
    env::task<void> follow();
    env::task<void> look_at_unseen();
    env::task<void> scan_until_done();
    // Puts a legal stamp on a key from the future or from before the epoch (L6).
    void repair_stamp(const std::string& path, Link& link);
    void undo_touch(const std::string& path, Link& link);
    void adopt(const std::string& path, std::optional<TreeEntry> entry, std::string_view from);
    result<void> check_stamps_are_kept();

    // tree.cpp
    result<bool> write(const std::string& path, std::string_view value, Stamp stamp, std::string_view from);
    result<void> write_locally(const std::string& path, std::string_view value, const PathState& now);
    result<void> put(std::string_view path, std::string_view value, bool even_if_equal);
    bool is_so(std::string_view path, std::string_view value) const;
    result<bool> replace(const std::string& path, std::string_view value, Stamp stamp);
};

} // namespace mars::tree
