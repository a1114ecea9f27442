// SPDX-License-Identifier: GPL-2.0-or-later
// Filesystem: what a simulated machine's disks remember, with two versions of everything: as programs see it now, and
// what would survive a power cut. Data: see inode.hpp. Names: a journal; a power cut keeps a random prefix of what was
// not synced. This is harsher than ext4. What goes wrong: see faults.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "kernel/env/sim/faults.hpp"
#include "kernel/env/sim/inode.hpp"
#include "kernel/env/storage.hpp"

namespace mars::env::sim {

class World;

struct Node {
    FileKind kind = FileKind::other;
    std::shared_ptr<Inode> inode; // regular files and block devices
    std::string target;           // symlinks
    Stamp mtime;                  // symlinks and directories
    std::uint64_t number = 0;
};

using NameMap = std::map<std::string, Node>; // by absolute path

class Filesystem {
  public:
    Filesystem(World& world, std::string machine);

    // For tests: a disk that has always been there (block device or regular file), filled with zeros, durable.
    std::shared_ptr<Inode> add_disk(const std::string& path, std::uint64_t size, bool block_device = true);
    // A disk vanishes, and comes back as another device with the same name: what was not synced survives or not, and
    // descriptors of the old one stay dead.
    void pull_disk(const std::string& path);
    void plug_disk(const std::string& path);
    // Below `prefix` (the /mars filesystem) everything together has only so many bytes, in blocks of 4 KiB, and only so
    // many inodes; 0: any number. A block each: directories, symlinks of more than 59 bytes. Removed files keep theirs
    // while they are open.
    void set_capacity(const std::string& prefix, std::uint64_t bytes, std::uint64_t inodes = 0);
    Faults& faults() { return faults_; }
    bool may_fail() const { return !faults_.is_empty() || has_limits_ || fault; } // now, or earlier
    // Asked before each operation; an errno makes it fail with that and without effect. For tests that count.
    std::function<std::optional<int>(Operation, const std::string& path)> fault;
    // All rows of faults() together, and the hook.
    Faults::Verdict judge(Operation operation, const std::string& path);
    // The contents as programs see them now.
    const std::vector<std::byte>* contents(const std::string& path) const;

    const Node* find(const std::string& path) const;
    const Node* find_durable(const std::string& path) const; // what a power cut would leave for certain
    std::vector<std::string> names_in(const std::string& directory) const;
    // Path and target of all symlinks below `prefix`.
    std::vector<std::pair<std::string, std::string>> links_below(const std::string& prefix) const;
    struct Usage {
        std::uint64_t blocks = 0, inodes = 0;
    };
    Usage used_below(const std::string& prefix) const;
    SpaceInfo space(const std::string& path) const;
    std::uint64_t free_inodes() const; // below the prefix; the largest number when there is no limit

    // Name changes; each is one journal entry. Parents must exist.
    result<void> change(Operation operation, const std::string& path, std::optional<Node> node);
    result<void> move(const std::string& from, const std::string& to);
    // Data. A full filesystem takes what fits, and fails.
    result<std::uint64_t> write(Inode& inode, const std::string& path, std::uint64_t offset,
                                std::span<const std::byte> data);
    result<std::uint64_t> resize(Inode& inode, const std::string& path, std::uint64_t size, Stamp now);
    // What a sync covers is fixed when it starts, and durable when it ends.
    std::uint64_t data_mark() const { return next_write_; }
    void make_data_durable(Inode& inode, std::uint64_t mark) { inode.make_durable(mark); }
    void lose_data(Inode& inode, std::uint64_t mark) { inode.lose(mark, world_.random()); }
    std::size_t names_mark() const { return journal_base_ + journal_.size(); }
    void make_names_durable(std::size_t mark);

    void power_cut();
    // For tests: a picture of everything as programs see it now, as a backup or a storage system makes it; and the
    // machine, which must be off, is given a picture back.
    NameMap picture() const;
    void restore(const NameMap& picture);
    std::uint64_t new_number() { return next_number_++; }

    // Changes that a watch keeps until somebody reads them; of more, only that there were more is known.
    std::size_t most_watched = 16384;
    // For tests: how often programs have looked at names.
    mutable std::uint64_t looks = 0;
    // And have opened files.
    std::uint64_t opens = 0;

    // Told of every change of a name: (directory, name).
    std::map<int, std::function<void(const std::string&, const std::string&)>> watchers;
    // For tests: told of the path, too, whatever has happened to the machine.
    std::function<void(const std::string& path)> on_change;

  private:
    struct JournalEntry {
        std::string path;
        std::optional<Node> node; // nullopt: removed
        std::string moved_from;   // also removed
    };
    static void apply(NameMap& names, const JournalEntry& entry);
    void record(JournalEntry entry);
    static Usage usage_of(const Node& node);
    bool is_limited(const std::string& path) const { return has_limits_ && path.starts_with(capacity_prefix_ + "/"); }
    bool has_space_for(const std::string& path, Usage more) const;

    World& world_;
    std::string machine_;
    NameMap current_;
    NameMap durable_;
    std::vector<JournalEntry> journal_; // not yet durable
    std::size_t journal_base_ = 0;
    Faults faults_;
    std::map<std::string, Node> pulled_; // disks, by their names
    std::string capacity_prefix_;
    Usage limits_; // 0: none
    bool has_limits_ = false;
    std::vector<std::weak_ptr<Inode>> nameless_; // removed below the prefix, and perhaps still open
    std::uint64_t next_write_ = 1;
    std::uint64_t next_number_ = 1;
};

} // namespace mars::env::sim
