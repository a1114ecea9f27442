// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/snapshot_view.hpp"

#include <algorithm>

#include "kernel/base/names.hpp"
#include "kernel/tree/paths.hpp"

namespace mars::shell {

namespace {
// So many keys of one directory are read one by one before the whole directory is.
constexpr int kSingleReads = 4;
} // namespace

SnapshotView::Directory& SnapshotView::directory(std::string_view path) const {
    auto known = directories_.find(path);
    if (known == directories_.end()) known = directories_.emplace(std::string(path), Directory()).first;
    return known->second;
}

void SnapshotView::load(std::string_view path, Directory& directory) const {
    if (directory.whole) return;
    directory.whole = true;
    auto scanned = storage_.scan(tree_.absolute(path));
    if (!scanned) return; // a missing directory has no names
    for (auto& item : *scanned) {
        bool link = item.status.kind == env::FileKind::symlink, regular = item.status.kind == env::FileKind::regular;
        if (link || regular) tree_.lamport().seen(item.status.mtime);
        bool listed = regular || item.status.kind == env::FileKind::directory || (link && item.value != tree::kDeleted);
        if (listed && !item.name.starts_with('.')) directory.names.push_back(item.name);
        std::string name = item.name;
        directory.items.emplace(std::move(name), std::move(item));
    }
    std::sort(directory.names.begin(), directory.names.end(), natural_less);
}

std::optional<tree::Link> SnapshotView::raw(std::string_view path) const {
    if (!tree::check_path(path)) return std::nullopt;
    const auto [parent, name] = tree::split_path(path);
    Directory& in = directory(parent);
    if (!in.whole) {
        auto known = in.links.find(std::string(name));
        if (known != in.links.end()) return known->second;
        if (++in.reads <= kSingleReads) return in.links.emplace(std::string(name), tree_.raw(path)).first->second;
        load(parent, in);
    }
    auto found = in.items.find(std::string(name));
    if (found == in.items.end() || found->second.status.kind != env::FileKind::symlink) return std::nullopt;
    return tree::Link{found->second.value, found->second.status.mtime};
}

std::optional<tree::FileInfo> SnapshotView::file(std::string_view path) const {
    if (!tree::check_path(path)) return std::nullopt;
    const auto [parent, name] = tree::split_path(path);
    Directory& in = directory(parent);
    if (!in.whole) return tree_.file(path);
    auto found = in.items.find(std::string(name));
    if (found == in.items.end() || found->second.status.kind != env::FileKind::regular) return std::nullopt;
    return tree::FileInfo{found->second.status.size, found->second.status.mtime};
}

std::vector<std::string> SnapshotView::list(std::string_view dir) const {
    if (!dir.empty() && !tree::check_path(dir)) return {};
    Directory& in = directory(dir);
    load(dir, in);
    return in.names;
}

} // namespace mars::shell
