// SPDX-License-Identifier: GPL-2.0-or-later
// Filesystem: what a simulated machine's disks remember, with two versions of everything: as programs see it now, and
// what would survive a power cut. Data: each write that no sync has covered survives, is lost, or is torn by sectors,
// independently. Names: a journal; a power cut keeps a random prefix of what was not synced. This is harsher than ext4.
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

#include "kernel/env/storage.hpp"

namespace mars::env::sim {

class World;

// Contents of one file or disk.
struct Inode {
    struct Write {
        std::uint64_t number;
        std::uint64_t offset;
        std::vector<std::byte> data; // empty with `resized`: the file was cut or extended to `offset`
        bool resized = false;
    };
    std::uint64_t number = 0;
    std::vector<std::byte> current;
    std::vector<std::byte> durable;
    std::vector<Write> unsynced; // in order of submission
    Stamp mtime;
    bool is_device = false;
    int exclusive_openers = 0;
};

struct Node {
    FileKind kind = FileKind::other;
    std::shared_ptr<Inode> inode; // regular files and block devices
    std::string target;           // symlinks
    Stamp mtime;                  // symlinks and directories
    std::uint64_t number = 0;
};

using NameMap = std::map<std::string, Node>; // by absolute path

// Which operation a fault hook is asked about.
enum class Operation { open, read, write, sync, symlink, create, rename, remove, sync_names };

class Filesystem {
  public:
    Filesystem(World& world, std::string machine);

    // For tests: a disk that has always been there (block device or regular file), filled with zeros, durable.
    std::shared_ptr<Inode> add_disk(const std::string& path, std::uint64_t size, bool block_device = true);
    // Bytes that regular files and links below `prefix` may use in all (the /mars filesystem).
    void set_capacity(const std::string& prefix, std::uint64_t bytes);
    // Asked before each operation; an errno makes it fail with that and without effect.
    std::function<std::optional<int>(Operation, const std::string& path)> fault;
    // The contents as programs see them now.
    const std::vector<std::byte>* contents(const std::string& path) const;

    const Node* find(const std::string& path) const;
    std::vector<std::string> names_in(const std::string& directory) const;
    // Path and target of all symlinks below `prefix`.
    std::vector<std::pair<std::string, std::string>> links_below(const std::string& prefix) const;
    SpaceInfo space() const;

    // Name changes; each is one journal entry. Parents must exist.
    result<void> change(Operation operation, const std::string& path, std::optional<Node> node);
    result<void> move(const std::string& from, const std::string& to);
    // Data.
    result<std::uint64_t> write(Inode& inode, const std::string& path, std::uint64_t offset,
                                std::span<const std::byte> data);
    result<std::uint64_t> resize(Inode& inode, const std::string& path, std::uint64_t size, Stamp now);
    // What a sync covers is fixed when it starts, and durable when it ends.
    std::uint64_t data_mark() const { return next_write_; }
    void make_data_durable(Inode& inode, std::uint64_t mark);
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

    // Told of every change of a name: (directory, name).
    std::map<int, std::function<void(const std::string&, const std::string&)>> watchers;

  private:
    struct JournalEntry {
        std::string path;
        std::optional<Node> node; // nullopt: removed
        std::string moved_from;   // also removed
    };
    static void apply(NameMap& names, const JournalEntry& entry);
    void record(JournalEntry entry);
    void tear(Inode& inode);
    bool has_space_for(const std::string& path, std::uint64_t more) const;

    World& world_;
    std::string machine_;
    NameMap current_;
    NameMap durable_;
    std::vector<JournalEntry> journal_; // not yet durable
    std::size_t journal_base_ = 0;
    std::string capacity_prefix_;
    std::uint64_t capacity_ = 0;
    std::uint64_t next_write_ = 1;
    std::uint64_t next_number_ = 1;
};

} // namespace mars::env::sim
