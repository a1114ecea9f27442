// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/tree/tree_memory.hpp"

#include "kernel/tree/paths.hpp"

namespace mars::tree {

const TreeMemory::Directory* TreeMemory::directory(std::string_view dir) const {
    const auto found = by_name_.find(dir);
    return found == by_name_.end() ? nullptr : found->second;
}

const TreeMemory::Entries* TreeMemory::entries(std::string_view dir) const {
    const auto* found = directory(dir);
    return found ? &found->entries : nullptr;
}

const TreeEntry* TreeMemory::find(std::string_view path) const {
    const auto [dir, name] = split_path(path);
    auto* known = entries(dir);
    if (!known) return nullptr;
    auto found = known->find(name);
    return found == known->end() ? nullptr : &found->second;
}

std::vector<std::string> TreeMemory::directories() const {
    std::vector<std::string> names;
    names.reserve(directories_.size());
    for (auto& [dir, entries] : directories_) names.push_back(dir);
    return names;
}

std::uint64_t TreeMemory::version_of(std::string_view dir) const {
    const auto* found = directory(dir);
    return found ? found->version : 0;
}

bool TreeMemory::put(std::string_view path, std::optional<TreeEntry> entry) {
    const auto [dir, name] = split_path(path);
    auto& held = *by_name_.find(dir)->second;
    auto& known = held.entries;
    auto found = known.find(name);
    if (entry ? found != known.end() && found->second == *entry : found == known.end()) return false;
    held.version = ++last_version_;
    if (!entry)
        known.erase(found);
    else if (found == known.end())
        known.emplace(name, std::move(*entry));
    else
        found->second = std::move(*entry);
    return true;
}

bool TreeMemory::add_directory(std::string_view dir) {
    const auto [at, is_new] = directories_.try_emplace(std::string(dir));
    if (!is_new) return false;
    at->second.version = ++last_version_;
    by_name_.emplace(at->first, &at->second);
    return true;
}

std::vector<std::string> TreeMemory::drop_directory(std::string_view dir) {
    std::vector<std::string> paths;
    auto gone = [&](std::string_view held) {
        return held == dir || (held.starts_with(dir) && held[dir.size()] == '/');
    };
    for (auto it = directories_.lower_bound(dir); it != directories_.end() && it->first.starts_with(dir);) {
        if (!gone(it->first)) {
            ++it;
            continue;
        }
        for (auto& [name, entry] : it->second.entries) paths.push_back(join_path(it->first, name));
        by_name_.erase(it->first);
        it = directories_.erase(it);
    }
    return paths;
}

} // namespace mars::tree
