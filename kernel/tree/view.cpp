// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/tree/view.hpp"

#include <cstdlib>

#include "kernel/base/number.hpp"

namespace mars::tree {

std::optional<Link> View::get(std::string_view path) const {
    auto link = raw(path);
    if (link && link->value == kDeleted) return std::nullopt;
    return link;
}

std::string View::value(std::string_view path, std::string_view fallback) const {
    auto link = get(path);
    return link ? std::move(link->value) : std::string(fallback);
}

bool View::flag(std::string_view path) const {
    auto link = get(path);
    return link && std::strtoll(link->value.c_str(), nullptr, 10) != 0;
}

std::optional<std::int64_t> View::number(std::string_view path) const {
    auto link = get(path);
    return link ? parse_number<std::int64_t>(link->value) : std::nullopt;
}

std::vector<std::string> View::suffixes(std::string_view dir, std::string_view prefix) const {
    std::vector<std::string> found;
    for (auto& name : list(dir))
        if (name.size() > prefix.size() && name.starts_with(prefix)) found.push_back(name.substr(prefix.size()));
    return found;
}

std::string resource_dir(std::string_view resource) {
    return "resource-" + std::string(resource);
}

std::string resource_key(std::string_view resource, std::string_view key) {
    return resource_dir(resource) + "/" + std::string(key);
}

} // namespace mars::tree
