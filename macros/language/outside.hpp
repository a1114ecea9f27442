// SPDX-License-Identifier: GPL-2.0-or-later
// Outside: everything that an evaluation may learn from or do to the world besides reading the tree.
// The caller of macros/ implements what it wants to allow; what it leaves alone behaves as if nothing was there.
#pragma once

#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/result.hpp"
#include "kernel/base/stamp.hpp"

namespace mars::macros {

class Outside {
  public:
    enum class FileKind { missing, regular, directory, block_device, other };

    virtual ~Outside() = default;

    // Contents of a readable plain file (templates, status files, /proc/mounts); nullopt when there is none.
    virtual std::optional<std::string> read_file(const std::string& path) {
        (void)path;
        return std::nullopt;
    }
    virtual FileKind kind(const std::string& path) {
        (void)path;
        return FileKind::missing;
    }
    // Target of a symlink outside the tree.
    virtual std::optional<std::string> read_link(const std::string& path) {
        (void)path;
        return std::nullopt;
    }
    // Names in a directory outside the tree, in any order.
    virtual std::vector<std::string> list(const std::string& directory) {
        (void)directory;
        return {};
    }
    // Size in bytes of the block device or disk at `path`.
    virtual std::optional<std::uint64_t> device_size(const std::string& path) {
        (void)path;
        return std::nullopt;
    }

    virtual Stamp system_time() { return {}; }
    // The Lamport clock, when it is known.
    virtual std::optional<Stamp> lamport_time() { return std::nullopt; }
    // `seconds` since the epoch as local time "YYYY-MM-DD hh:mm:ss".
    virtual std::string local_time(std::int64_t seconds);
    // Is the replication engine (kernel module or daemon) running on this machine?
    virtual bool engine_running() { return false; }

    // Pauses. A failure ends the evaluation.
    virtual result<void> sleep(std::int64_t seconds) {
        (void)seconds;
        return failure(std::errc::operation_not_supported, "waiting is not possible here");
    }
    // Asked now and then by an evaluation that takes long; false ends it (somebody has interrupted it).
    virtual bool may_go_on() { return true; }
    // Remembers a symlink to be made when the command finishes.
    virtual result<void> set_link(const std::string& value, const std::string& path) {
        (void)value;
        (void)path;
        return {};
    }

    virtual void warn(std::string_view text) { (void)text; }   // shown as "WARNING: TEXT" on stderr
    virtual void notice(std::string_view text) { (void)text; } // shown as it is on stderr
    virtual void print(std::string_view text) { (void)text; }  // at once on stdout
};

} // namespace mars::macros
