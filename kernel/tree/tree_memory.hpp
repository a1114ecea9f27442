// SPDX-License-Identifier: GPL-2.0-or-later
// TreeMemory: the keys of all held directories as marsd last saw or wrote them. Only data: no disk, no rules.
// Owned by: Tree. Tests: tests/unit/tree/tree_test.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "kernel/env/storage.hpp"
#include "kernel/tree/link_store.hpp"

namespace mars::tree {

// One name in a directory. Files and directories carry no stamp: nobody decides by it without looking at the disk.
struct TreeEntry {
    env::FileKind kind = env::FileKind::other;
    Link link; // symlinks only

    bool operator==(const TreeEntry&) const = default;
};

class TreeMemory {
  public:
    using Entries = std::map<std::string, TreeEntry, NaturalLess>;

    // nullptr when nothing is known at `path`.
    const TreeEntry* find(std::string_view path) const;
    // nullptr when `dir` is not held.
    const Entries* entries(std::string_view dir) const;
    // All held directories, parents before children.
    std::vector<std::string> directories() const;
    // A number that is another one after each change of a name in `dir`, also when that was dropped and held again; 0:
    // it is not held.
    std::uint64_t version_of(std::string_view dir) const;

    // Sets or (nullopt) removes one name; true when that is a change. The directory must be held.
    bool put(std::string_view path, std::optional<TreeEntry> entry);
    // Starts to hold `dir`; true when it was not held before.
    bool add_directory(std::string_view dir);
    // Forgets `dir` and everything below; returns the paths of all entries forgotten.
    std::vector<std::string> drop_directory(std::string_view dir);

  private:
    struct Directory {
        Entries entries;
        std::uint64_t version = 0;
    };
    const Directory* directory(std::string_view dir) const;

    std::map<std::string, Directory, std::less<>> directories_;
    std::unordered_map<std::string_view, Directory*> by_name_; // the same; keys are those of the map
    std::uint64_t last_version_ = 0;
};

} // namespace mars::tree
