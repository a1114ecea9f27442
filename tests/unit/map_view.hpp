// SPDX-License-Identifier: GPL-2.0-or-later
// MapView: a tree in a table, for tests.
#pragma once

#include <algorithm>
#include <map>
#include <set>

#include "kernel/base/names.hpp"
#include "kernel/tree/view.hpp"

namespace mars::test {

class MapView : public tree::View {
  public:
    std::map<std::string, tree::Link, std::less<>> links;
    std::map<std::string, tree::FileInfo, std::less<>> files;

    void set(const std::string& path, const std::string& value, Stamp stamp = {1'700'000'000, 0}) {
        links[path] = tree::Link{value, stamp};
    }
    void erase(const std::string& path) { links.erase(path); }

    std::optional<tree::Link> raw(std::string_view path) const override {
        auto found = links.find(path);
        return found == links.end() ? std::nullopt : std::optional(found->second);
    }
    std::optional<tree::FileInfo> file(std::string_view path) const override {
        auto found = files.find(path);
        return found == files.end() ? std::nullopt : std::optional(found->second);
    }
    std::vector<std::string> list(std::string_view dir) const override {
        std::set<std::string> names;
        const std::string prefix = dir.empty() ? "" : std::string(dir) + "/";
        auto add = [&](const std::string& path) {
            if (path.starts_with(prefix))
                names.insert(path.substr(prefix.size(), path.find('/', prefix.size()) - prefix.size()));
        };
        for (auto& [path, link] : links)
            if (link.value != tree::kDeleted) add(path);
        for (auto& [path, info] : files) add(path);
        std::vector<std::string> sorted(names.begin(), names.end());
        std::sort(sorted.begin(), sorted.end(), natural_less);
        return sorted;
    }
};

} // namespace mars::test
