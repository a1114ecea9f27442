// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/trust.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "shell/reason.hpp"

namespace mars::shell {

namespace {

namespace fs = std::filesystem;

failure untrusted(const fs::path& path, const std::string& why) {
    return refusal("plugin.broken",
                   path.string() + " " + why + ", so it is not loaded; next: chown root, chmod go-w, or remove it");
}

// `is_above`: a directory on the way; in a sticky one nobody can replace what belongs to somebody else.
result<void> check_one(const fs::path& path, bool is_above) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return errno_failure(errno, path.string());
    if (status.st_uid != 0 && status.st_uid != ::geteuid())
        return untrusted(path, "belongs to user " + std::to_string(status.st_uid));
    bool sticky = is_above && (status.st_mode & S_ISVTX) != 0;
    if ((status.st_mode & S_IWOTH) != 0 && !sticky) return untrusted(path, "may be changed by everybody");
    if ((status.st_mode & S_IWGRP) != 0 && status.st_gid != 0 && !sticky)
        return untrusted(path, "may be changed by group " + std::to_string(status.st_gid));
    return {};
}

result<void> check_with_parents(const fs::path& path) {
    std::error_code error;
    auto real = fs::canonical(path, error);
    if (error) return failure(error, path.string() + ": " + error.message());
    MARS_TRY_VOID(check_one(real, false));
    for (auto above = real.parent_path();; above = above.parent_path()) {
        MARS_TRY_VOID(check_one(above, true));
        if (above == above.root_path()) return {};
    }
}

} // namespace

result<void> check_trusted(const std::string& path) {
    MARS_TRY_VOID(check_with_parents(path));
    std::error_code error;
    if (!fs::is_directory(path, error)) return {};
    for (auto entry = fs::recursive_directory_iterator(path, error); entry != fs::recursive_directory_iterator();
         entry.increment(error)) {
        if (error) return failure(error, path + ": " + error.message());
        MARS_TRY_VOID(entry->is_symlink(error) ? check_with_parents(entry->path()) : check_one(entry->path(), false));
    }
    if (error) return failure(error, path + ": " + error.message());
    return {};
}

} // namespace mars::shell
