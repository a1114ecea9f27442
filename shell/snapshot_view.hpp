// SPDX-License-Identifier: GPL-2.0-or-later
// SnapshotView: one picture of a tree on the disk, for showing it: what was read once is kept, and a directory of which
// more than a few keys are wanted is read as a whole, in few system calls. Not for verbs that decide or wait.
// Tests: tests/unit/shell/snapshot_view_test.cpp.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "kernel/env/storage.hpp"
#include "kernel/tree/disk_view.hpp"

namespace mars::shell {

class SnapshotView final : public tree::View {
  public:
    // Both must outlive it.
    SnapshotView(const tree::DiskView& tree, const env::Storage& storage) : tree_(tree), storage_(storage) {}

    std::optional<tree::Link> raw(std::string_view path) const override;
    std::optional<tree::FileInfo> file(std::string_view path) const override;
    std::vector<std::string> list(std::string_view dir) const override;
    // Makes the next reads see what is there then.
    void forget() { directories_.clear(); }

  private:
    struct Directory {
        bool whole = false; // all its items are known
        int reads = 0;
        std::unordered_map<std::string, env::DirectoryItem> items;
        std::vector<std::string> names;                                   // as list() gives them
        std::unordered_map<std::string, std::optional<tree::Link>> links; // read one by one
    };
    Directory& directory(std::string_view path) const;
    void load(std::string_view path, Directory& directory) const;

    const tree::DiskView& tree_;
    const env::Storage& storage_;
    mutable std::map<std::string, Directory, std::less<>> directories_;
};

} // namespace mars::shell
