// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/env/storage.hpp"

namespace mars::env {

result<std::vector<DirectoryItem>> Storage::scan(const std::string& directory) const {
    MARS_TRY(auto entries, list(directory));
    std::vector<DirectoryItem> items;
    for (auto& entry : entries) {
        auto path = directory + "/" + entry.name;
        auto found = status(path);
        if (!found) continue; // removed meanwhile
        DirectoryItem item{std::move(entry.name), *found, {}};
        if (found->kind == FileKind::symlink) {
            auto link = read_symlink(path);
            if (!link) continue;
            item.value = std::move(link->value);
            item.status.mtime = link->mtime;
        }
        items.push_back(std::move(item));
    }
    return items;
}

} // namespace mars::env
