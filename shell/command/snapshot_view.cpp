// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/command/snapshot_view.hpp"

#include <algorithm>

#include "kernel/base/names.hpp"
#include "kernel/tree/paths.hpp"

namespace mars::shell {

namespace {

constexpr std::size_t kWorthAnnouncing = 8;

// The part of `path` below `directory`; nullopt when it is elsewhere.
std::optional<std::string_view> below(std::string_view path, std::string_view directory) {
    if (!path.starts_with(directory)) return std::nullopt;
    path.remove_prefix(directory.size());
    if (path.empty()) return path;
    if (path.front() != '/') return std::nullopt;
    return path.substr(1);
}

} // namespace

void SnapshotView::announce(const std::vector<std::string>& resources) {
    announced_ = {};
    if (resources.size() < kWorthAnnouncing) return;
    for (const auto& resource : resources) {
        announced_.numbers.emplace(tree::resource_dir(resource), announced_.directories.size());
        announced_.directories.push_back(tree::resource_dir(resource));
    }
}

void SnapshotView::forget() {
    announced_ = {};
    last_ = nullptr;
    directories_.clear();
}

// Remembers what was read of the first announced resource.
void SnapshotView::note(std::vector<std::string> env::ReadPattern::*kind, std::string_view path) const {
    if (announced_.directories.empty() || announced_.reads) return;
    if (auto rest = below(path, announced_.directories.front())) (announced_.pattern.*kind).emplace_back(*rest);
}

// Somebody comes to the directory `path` for the first time. When that is an announced resource, all that the other
// thread knows of it becomes known here.
void SnapshotView::take_over(std::string_view path) const {
    auto found = announced_.numbers.find(path);
    if (found == announced_.numbers.end() || found->second == 0) return;
    auto& reads = announced_.reads;
    if (!reads) {
        std::vector<std::string> absolute;
        for (std::size_t i = 1; i < announced_.directories.size(); ++i)
            absolute.push_back(tree_.absolute(announced_.directories[i]));
        reads = storage_.read_ahead(std::move(absolute), announced_.pattern);
        if (!reads) announced_ = {};
        return;
    }
    auto results = reads->take(found->second - 1);
    if (!results) return;
    const auto& pattern = announced_.pattern;
    auto whole = [&](const std::string& rest) {
        return rest.empty() ? std::string(path) : tree::join_path(path, rest);
    };
    for (std::size_t i = 0; i < pattern.directories.size(); ++i) {
        auto at = whole(pattern.directories[i]);
        auto& entries = results->directories[i];
        set_entries(at, directory(at), entries ? std::move(*entries) : std::vector<env::DirectoryEntry>());
    }
    for (std::size_t i = 0; i < pattern.links.size(); ++i) {
        auto at = whole(pattern.links[i]);
        const auto [parent, name] = tree::split_path(at);
        Key key;
        if (results->links[i]) key.value = std::move(*results->links[i]);
        directory(parent).keys.emplace(std::string(name), std::move(key));
    }
    for (std::size_t i = 0; i < pattern.statuses.size(); ++i)
        set_status(whole(pattern.statuses[i]), results->statuses[i]);
}

SnapshotView::Directory& SnapshotView::directory(std::string_view path) const {
    if (last_ && last_->first == path) return last_->second;
    auto known = directories_.find(path);
    if (known == directories_.end()) {
        known = directories_.emplace(std::string(path), Directory()).first;
        auto& created = *known; // stays where it is when others are added
        if (!announced_.numbers.empty()) take_over(path);
        last_ = &created;
    } else {
        last_ = &*known;
    }
    return last_->second;
}

void SnapshotView::set_entries(std::string_view dir, Directory& in, std::vector<env::DirectoryEntry> entries) const {
    in.is_listed = true;
    in.entries = std::move(entries);
    std::erase_if(in.entries, [](const auto& entry) { return entry.name.starts_with('.'); });
    std::sort(in.entries.begin(), in.entries.end(),
              [](const auto& a, const auto& b) { return natural_less(a.name, b.name); });
    for (auto& entry : in.entries) {
        if (entry.kind != env::FileKind::other) continue;
        auto status = storage_.status(tree_.absolute(tree::join_path(dir, entry.name)));
        if (status) entry.kind = status->kind;
    }
}

void SnapshotView::set_status(std::string_view path, const result<env::FileStatus>& status) const {
    const auto [parent, name] = tree::split_path(path);
    Directory& in = directory(parent);
    bool is_file = status && status->kind == env::FileKind::regular;
    in.files[std::string(name)] = is_file ? std::optional(tree::FileInfo{status->size, status->mtime}) : std::nullopt;
    auto known = in.keys.find(name);
    if (known != in.keys.end()) known->second.stamp = status ? status->mtime : Stamp{}; // removed meanwhile: very old
    if (status && status->kind != env::FileKind::directory) tree_.lamport().seen(status->mtime);
}

void SnapshotView::list(std::string_view dir, Directory& in) const {
    if (in.is_listed) return;
    note(&env::ReadPattern::directories, dir);
    auto scanned = storage_.scan(tree_.absolute(dir));
    // A missing directory has no names.
    set_entries(dir, in, scanned ? std::move(*scanned) : std::vector<env::DirectoryEntry>());
}

SnapshotView::Key& SnapshotView::key(std::string_view dir, Directory& in, std::string_view name) const {
    auto known = in.keys.find(name);
    if (known != in.keys.end()) return known->second;
    Key key;
    auto path = tree::join_path(dir, name);
    if (tree::check_path(path)) {
        note(&env::ReadPattern::links, path);
        auto value = storage_.symlink_value(tree_.absolute(path));
        if (value) key.value = std::move(*value);
    }
    return in.keys.emplace(std::string(name), std::move(key)).first->second;
}

SnapshotView::Key& SnapshotView::key(std::string_view path) const {
    const auto [parent, name] = tree::split_path(path);
    return key(parent, directory(parent), name);
}

std::optional<std::string> SnapshotView::raw_value(std::string_view path) const {
    return key(path).value;
}

std::optional<tree::Link> SnapshotView::raw(std::string_view path) const {
    Key& known = key(path);
    if (!known.value) return std::nullopt;
    if (!known.stamp) {
        note(&env::ReadPattern::statuses, path);
        set_status(path, storage_.status(tree_.absolute(path)));
    }
    return tree::Link{*known.value, *known.stamp};
}

std::optional<tree::FileInfo> SnapshotView::file(std::string_view path) const {
    if (!tree::check_path(path)) return std::nullopt;
    const auto [parent, name] = tree::split_path(path);
    Directory& in = directory(parent);
    auto known = in.files.find(name);
    if (known != in.files.end()) return known->second;
    note(&env::ReadPattern::statuses, path);
    set_status(path, storage_.status(tree_.absolute(path)));
    return in.files.find(name)->second;
}

std::vector<std::string> SnapshotView::names(std::string_view dir, std::string_view prefix) const {
    if (!dir.empty() && !tree::check_path(dir)) return {};
    Directory& in = directory(dir);
    list(dir, in);
    std::vector<std::string> found;
    for (const auto& entry : in.entries) {
        if (!entry.name.starts_with(prefix)) continue;
        bool shown = entry.kind == env::FileKind::regular || entry.kind == env::FileKind::directory;
        if (entry.kind == env::FileKind::symlink) shown = key(dir, in, entry.name).value != tree::kDeleted;
        if (shown) found.push_back(entry.name);
    }
    return found;
}

} // namespace mars::shell
