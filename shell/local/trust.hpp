// SPDX-License-Identifier: GPL-2.0-or-later
// Trust: may what is in this file act with the caller's rights? One rule for all that is found by search and then used:
// macros, systemd templates, plugins and Lua modules, hook programs, configuration, the history of the shell.
//
//   The file, and every folder and symbolic link on the way to it, belongs to root or to the caller (whom only his own
//   rights are lent to: for root that is root alone), and is writable by its owner only. Of symbolic links, the way to
//   the target counts as well. A sticky folder (/tmp) may be above a folder, in which nobody else can rename or remove
//   what is not his; what lies directly in it may be a hard link that somebody else has made, and is not trusted.
//
// Where a FUSE filesystem is mounted, owners and permissions are what its program says, and a user may mount one over a
// folder of his: nothing below is trusted. (The root may be one: in a container.)
//
// The way is walked from the top: what is below a folder that was found good cannot be changed by others any more, so
// that nobody can slip in between the check and the use. docs/security.md. Tests: tests/unit/shell/trust_test.cpp,
// tests/shell/trust_test.py.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "kernel/base/result.hpp"
#include "shell/words/output.hpp"

namespace mars::shell {

struct FileFacts {
    enum class Kind { regular, directory, symlink, other };
    Kind kind = Kind::regular;
    uid_t owner = 0;
    mode_t mode = 0;      // permissions, with the sticky bit
    std::string target{}; // of a symlink
    dev_t device = 0;     // its filesystem
    bool is_fuse = false; // what the filesystem says of it, some program says
};

using LookUp = std::function<result<FileFacts>(const std::string& path)>;

struct Distrust {
    std::string culprit; // what others may change: the file, a link or folder on the way to it
    std::string text;    // the culprit, what was found, what is expected, what to do
};

// Why the regular file or folder `path` is not trusted; nullopt when it is. `path` is absolute.
std::optional<Distrust> distrust(const std::string& path, uid_t caller, const LookUp& look_up);
// The same in the real filesystem, for this process; a relative `path` begins in the working directory.
std::optional<Distrust> distrust(const std::string& path);
// The same for a folder and everything in it.
std::optional<Distrust> distrust_tree(const std::string& directory);

// Says once per culprit that `what` ("the macro file /x/y.tpl") is left out.
void warn_of(Output& output, const std::string& what, const Distrust& why);

// As long as one exists, may_use() follows the rule and warns in `output`. The one-shot program and its front ends have
// one from the start; the files of the simulation have no owners and need none.
class TrustGuard {
  public:
    explicit TrustGuard(Output& output);
    ~TrustGuard();
    TrustGuard(const TrustGuard&) = delete;
    TrustGuard& operator=(const TrustGuard&) = delete;
};

// May the file or folder be used? Else that was said. What does not exist is nobody's: true. `kind`: "macro file".
bool may_use(std::string_view kind, const std::string& path);

} // namespace mars::shell
