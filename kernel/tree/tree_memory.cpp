// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/tree/tree_memory.hpp"

#include "kernel/tree/paths.hpp"

namespace mars::tree {

const TreeMemory::Entries* TreeMemory::entries(std::string_view dir) const {
    auto found = directories_.find(dir);
    return found == directories_.end() ? nullptr : &found->second;
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

bool TreeMemory::put(std::string_view path, std::optional<TreeEntry> entry) {
    const auto [dir, name] = split_path(path);
    auto& known = directories_.find(dir)->second;
    auto found = known.find(name);
    if (!entry) {
        if (found == known.end()) return false;
        known.erase(found);
        return true;
    }
    if (found == known.end()) {
        known.emplace(name, std::move(*entry));
        return true;
    }
    if (found->second == *entry) return false;
    found->second = std::move(*entry);
    return true;
}

bool TreeMemory::add_directory(std::string_view dir) {
    return directories_.try_emplace(std::string(dir)).second;
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
        for (auto& [name, entry] : it->second) paths.push_back(join_path(it->first, name));
        it = directories_.erase(it);
    }
    return paths;
}

} // namespace mars::tree
