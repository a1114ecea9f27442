// SPDX-License-Identifier: GPL-2.0-or-later
// View: read access to one /mars tree, however it is held (marsd's copy in memory, marsadm's lazy reads from the disk,
// a table in a test). All paths are relative to the tree's root: "uuid", "resource-mydata/primary".
// Spec: symlink-tree 1.1, 1.6 (D1), 1.8.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/stamp.hpp"
#include "kernel/format/marker_values.hpp"

namespace mars::tree {

// Value and version of a key.
struct Link {
    std::string value;
    Stamp stamp;

    bool operator==(const Link&) const = default;
};

// A regular file (log, trigger file, sparse disk).
struct FileInfo {
    std::uint64_t size = 0;
    Stamp mtime;
};

using format::kDeleted;
using format::kNone;

class View {
  public:
    virtual ~View() = default;

    // The key at `path`, whatever its value; nullopt when nothing or no symlink is there.
    virtual std::optional<Link> raw(std::string_view path) const = 0;
    // Size and mtime of the regular file at `path`; nullopt when there is none.
    virtual std::optional<FileInfo> file(std::string_view path) const = 0;
    // Names in the directory `dir` ("" is the root): symlinks that are not `.deleted`, files and directories, without
    // names that begin with a dot; in natural order. A missing directory has no names.
    virtual std::vector<std::string> list(std::string_view dir) const = 0;

    // Those of list() that begin with `prefix`: quicker where telling what is deleted costs extra.
    virtual std::vector<std::string> names(std::string_view dir, std::string_view prefix) const;
    // As raw(), without the version: quicker where reading that costs extra.
    virtual std::optional<std::string> raw_value(std::string_view path) const;

    // The key at `path`, or nullopt when it is absent or `.deleted` (D1).
    std::optional<Link> get(std::string_view path) const;
    std::optional<std::string> get_value(std::string_view path) const;
    bool has(std::string_view path) const { return get_value(path).has_value(); }
    // Its value, or `fallback`.
    std::string value(std::string_view path, std::string_view fallback = {}) const;
    // Reads a boolean: a leading decimal integer other than 0 is true, everything else false (V3).
    bool flag(std::string_view path) const;
    // Reads a decimal integer; nullopt when the key is absent or no number.
    std::optional<std::int64_t> number(std::string_view path) const;
    // The rest of every name in `dir` that begins with `prefix`, in natural order: suffixes("ips", "ip-") lists hosts.
    std::vector<std::string> suffixes(std::string_view dir, std::string_view prefix) const;
};

// "resource-RES" and "resource-RES/KEY".
std::string resource_dir(std::string_view resource);
std::string resource_key(std::string_view resource, std::string_view key);

// Some host in ips/ has this address.
bool is_member_address(const View& view, std::string_view address);

} // namespace mars::tree
