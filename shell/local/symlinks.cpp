// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/local/symlinks.hpp"

namespace mars::shell {

namespace {
constexpr int kLongestChain = 40;
} // namespace

result<std::string> resolve_symlinks(env::Storage& storage, std::string path) {
    for (int i = 0; i < kLongestChain; ++i) {
        MARS_TRY(auto status, storage.status(path));
        if (status.kind != env::FileKind::symlink) return path;
        MARS_TRY(auto link, storage.read_symlink(path));
        path = link.value.starts_with('/') ? link.value : path.substr(0, path.rfind('/') + 1) + link.value;
    }
    return failure(std::errc::too_many_symbolic_link_levels, path + ": too many symlinks");
}

} // namespace mars::shell
