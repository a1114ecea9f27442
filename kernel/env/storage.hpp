// SPDX-License-Identifier: GPL-2.0-or-later
// Storage: files, symlinks, directories and block devices; the only door to them. Paths are absolute.
//
// What is durable when (the contract that the simulation enforces by crashing):
//   - bytes written to a File: after sync_data() of a File of the same inode has returned success;
//   - changes of names (create, rename, remove, symlinks, mtimes): in the order they were made; all of them up to the
//     call after sync_filesystem() or sync_directory() or any File::sync_data() on that filesystem has returned success
//     is *not* promised: only sync_filesystem() and sync_directory() promise it.
//   - a failed sync leaves the data lost or not: never retry it, treat the file as damaged.
// Errors: failure with the errno as code and the path in the text. "Not there" is std::errc::no_such_file_or_directory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/result.hpp"
#include "kernel/base/stamp.hpp"
#include "kernel/env/task.hpp"

namespace mars::env {

struct OpenMode {
    bool write = false;
    bool create = false;    // mode 0600, parent must exist
    bool exclusive = false; // with create: fail if it exists; else: EBUSY if somebody else has it exclusively
    bool direct = false;    // bypass the page cache; offset, length and memory must be multiples of 4096
    bool follow = false;    // follow a final symlink (backing disks only; never below /mars)
};

// One open regular file or block device. Operations may run concurrently; overlapping ones are not ordered.
// Buffers must live until the operation has completed. Closing is destruction; nothing is synced by it.
class File {
  public:
    virtual ~File() = default;

    // Reads up to into.size() bytes; fewer only at the end of the file.
    virtual task<result<std::size_t>> read(std::uint64_t offset, std::span<std::byte> into) = 0;
    // Writes all of `data`, extending a regular file when needed. After a failure any part may have been written.
    virtual task<result<void>> write(std::uint64_t offset, std::span<const std::byte> data) = 0;
    // Makes all completed writes (and the size) durable, device caches included.
    virtual task<result<void>> sync_data() = 0;
    // Later reads ask the disk, not what the kernel remembers: after a failed sync, that may be more than the disk has.
    // Only of what has been synced. Best effort.
    virtual task<void> forget_cached() { co_return; }
    // Cuts or extends (with zeros) a regular file.
    virtual task<result<void>> resize(std::uint64_t size) = 0;
    // Bytes of a regular file now; capacity of a block device.
    virtual result<std::uint64_t> size() const = 0;
};

enum class FileKind { regular, directory, symlink, block_device, other };

struct FileStatus {
    FileKind kind = FileKind::other;
    std::uint64_t size = 0;
    Stamp mtime;
    std::uint64_t inode = 0;
};

struct SymlinkValue {
    std::string value;
    Stamp mtime;
};

struct DirectoryEntry {
    std::string name;
    FileKind kind; // never taken from readdir alone (symlink-tree 1.8)
};

struct SpaceInfo {
    std::uint64_t total_bytes = 0;
    std::uint64_t available_bytes = 0;                                          // to unprivileged users
    std::uint64_t available_inodes = std::numeric_limits<std::uint64_t>::max(); // the same; largest: no limit
    bool is_read_only = false;
};

// A change seen in a watched directory. `name` is empty when `overflow` is set: changes were lost, rescan everything.
struct DirectoryChange {
    std::string directory;
    std::string name;
    bool overflow = false;
};

class DirectoryWatch {
  public:
    virtual ~DirectoryWatch() = default;

    // Starts to report creations, removals, renames, and closed-after-write files in `directory` (not below).
    virtual result<void> add(const std::string& directory) = 0;
    virtual void remove(const std::string& directory) = 0;
    // Suspends until there is at least one change; returns all that are pending, in order. None: they have been taken
    // by pending() meanwhile.
    virtual task<result<std::vector<DirectoryChange>>> next() = 0;
    // Those that are pending now, without waiting; next() tells of failures.
    virtual std::vector<DirectoryChange> pending() = 0;
};

// Paths relative to some directory ("" is itself), and what reading them has yielded, in the same order.
struct ReadPattern {
    std::vector<std::string> links;       // symlink_value()
    std::vector<std::string> statuses;    // status()
    std::vector<std::string> directories; // scan()
};
struct ReadResults {
    std::vector<result<std::string>> links;
    std::vector<result<FileStatus>> statuses;
    std::vector<result<std::vector<DirectoryEntry>>> directories;
};

// Reads of the same paths in many directories, made by another thread. Ends quietly when it is destroyed.
class ReadAhead {
  public:
    virtual ~ReadAhead() = default;

    // The results of one directory, by its number from 0, at most once; waits when they are just being read. Nullopt
    // when nobody has begun with them, and nobody will: the caller had better read itself.
    virtual std::optional<ReadResults> take(std::size_t number) = 0;
};

class Storage {
  public:
    virtual ~Storage() = default;

    virtual task<result<std::unique_ptr<File>>> open(std::string path, OpenMode mode) = 0;

    // Names and attributes: quick, from the kernel's caches; they do not suspend.
    virtual result<SymlinkValue>
    read_symlink(const std::string& path) const = 0; // not a symlink: errc::invalid_argument
    // Creates the symlink under `temporary` (a path in the same directory; an old leftover there is removed first),
    // gives it the mtime, and renames it to `path`, replacing what is there.
    virtual result<void> write_symlink(const std::string& path, const std::string& temporary, const std::string& value,
                                       Stamp mtime) = 0;
    virtual result<FileStatus>
    status(const std::string& path) const = 0; // of the name itself, not of a symlink's target
    virtual result<std::vector<DirectoryEntry>> list(const std::string& directory) const = 0; // without . and ..
    // As read_symlink() and list(), in fewer system calls: for showing, not for deciding. A name whose kind the
    // filesystem does not tell at once has kind `other`.
    virtual result<std::string> symlink_value(const std::string& path) const;
    virtual result<std::vector<DirectoryEntry>> scan(const std::string& directory) const { return list(directory); }
    // Begins to read `pattern` in each of these directories, one after the other. Null where there is no other thread.
    virtual std::unique_ptr<ReadAhead> read_ahead(std::vector<std::string> directories, ReadPattern pattern) const {
        (void)directories;
        (void)pattern;
        return nullptr;
    }
    virtual result<void> make_directory(const std::string& path) = 0;   // mode 0700; exists: ok
    virtual result<void> remove(const std::string& path) = 0;           // not a directory
    virtual result<void> remove_directory(const std::string& path) = 0; // empty ones only
    virtual result<void> rename(const std::string& from, const std::string& to) = 0;
    virtual result<SpaceInfo> space(const std::string& path) const = 0;
    // The same for programs that must not wait for the disk: off the event loop.
    virtual task<result<SpaceInfo>> measure_space(std::string path) const {
        auto found = space(path); // named: g++ 12 miscompiles a virtual call in a co_return
        co_return found;
    }
    // What tells the store at `path` (a final symlink is followed) from others of the same size: "wwid=…", "serial=…",
    // "dm=…", "partuuid=…", "loop=…" of a block device, "inode=…" of a file. One line; empty when nothing is known.
    virtual std::string identity(const std::string& path) const {
        (void)path;
        return {};
    }
    // Reads a small file (configuration, /proc): at most `limit` bytes, more is errc::file_too_large.
    virtual result<std::string> read_file(const std::string& path, std::size_t limit) const = 0;
    // Replaces a small file: temporary, write, fsync, rename, fsync of the directory. Mode 0600.
    virtual result<void> write_file(const std::string& path, std::string_view content) = 0;
    // The same for programs that must not wait for the disk: off the event loop.
    virtual task<result<void>> keep_file(std::string path, std::string content) {
        auto written = write_file(path, content); // named: g++ 12 miscompiles a virtual call in a co_return
        co_return written;
    }
    // The same without any fsync: for what need not outlive a power failure.
    virtual result<void> touch_file(const std::string& path, std::string_view content) {
        return write_file(path, content);
    }
    // Keeps the blocks of the file `path` until the handle goes, which frees them off the event loop: whoever removes
    // or replaces a large file holds it meanwhile. nullptr: nothing is there.
    virtual std::shared_ptr<void> hold_blocks(const std::string& path) {
        (void)path;
        return nullptr;
    }

    // Makes all earlier changes of names and attributes durable.
    virtual task<result<void>> sync_filesystem(std::string path) = 0;
    virtual task<result<void>> sync_directory(std::string path) = 0;

    virtual result<std::unique_ptr<DirectoryWatch>> watch() = 0;
};

} // namespace mars::env
