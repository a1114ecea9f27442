// SPDX-License-Identifier: GPL-2.0-or-later
// SnapshotView: one picture of a tree on the disk, for showing it: what was read once is kept, and a directory of which
// more than a few keys are wanted is read as a whole, in few system calls; many of them by a second thread. Not for
// verbs that decide or wait. Tests: tests/unit/shell/snapshot_view_test.cpp.
#pragma once

#include <memory>
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
    std::optional<std::string> raw_value(std::string_view path) const override;
    std::optional<tree::FileInfo> file(std::string_view path) const override;
    std::vector<std::string> list(std::string_view dir) const override { return names(dir, ""); }
    std::vector<std::string> names(std::string_view dir, std::string_view prefix) const override;

    // Announces that these resources will be looked at, in this order. What is read of the first one is what a second
    // thread then reads of the others.
    void announce(const std::vector<std::string>& resources);
    // Makes the next reads see what is there then.
    void forget();

  private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
    };
    template<class Value>
    using Table = std::unordered_map<std::string, Value, Hash, std::equal_to<>>;
    struct Key {
        std::optional<std::string> value;
        std::optional<Stamp> stamp; // as far as somebody has asked for it
    };
    struct Directory {
        Table<Key> keys;
        Table<std::optional<tree::FileInfo>> files;
        bool is_listed = false;
        std::vector<env::DirectoryEntry> entries; // in natural order, deleted keys included
    };
    // Reads ahead of announced resources; numbers are those of `directories`.
    struct Announced {
        std::vector<std::string> directories; // relative to the tree
        Table<std::size_t> numbers;
        env::ReadPattern pattern;              // what was read in the first one
        std::unique_ptr<env::ReadAhead> reads; // of all but the first one
    };

    Directory& directory(std::string_view path) const;
    Key& key(std::string_view path) const;
    Key& key(std::string_view dir, Directory& in, std::string_view name) const;
    void list(std::string_view dir, Directory& in) const;
    void set_entries(std::string_view dir, Directory& in, std::vector<env::DirectoryEntry> entries) const;
    void set_status(std::string_view path, const result<env::FileStatus>& status) const;
    void note(std::vector<std::string> env::ReadPattern::*kind, std::string_view path) const;
    void take_over(std::string_view path) const;

    const tree::DiskView& tree_;
    const env::Storage& storage_;
    mutable Announced announced_;
    mutable Table<Directory> directories_;
    mutable std::pair<const std::string, Directory>* last_ = nullptr; // most reads go where the one before went
};

} // namespace mars::shell
