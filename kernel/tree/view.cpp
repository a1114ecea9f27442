// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/tree/view.hpp"

#include <algorithm>

#include <cstdlib>

#include "kernel/base/number.hpp"

namespace mars::tree {

std::optional<Link> View::get(std::string_view path) const {
    auto link = raw(path);
    if (link && link->value == kDeleted) return std::nullopt;
    return link;
}

std::optional<std::string> View::raw_value(std::string_view path) const {
    auto link = raw(path);
    return link ? std::optional(std::move(link->value)) : std::nullopt;
}

std::optional<std::string> View::get_value(std::string_view path) const {
    auto value = raw_value(path);
    if (value && *value == kDeleted) return std::nullopt;
    return value;
}

std::string View::value(std::string_view path, std::string_view fallback) const {
    auto value = get_value(path);
    return value ? std::move(*value) : std::string(fallback);
}

bool View::flag(std::string_view path) const {
    auto value = get_value(path);
    return value && std::strtoll(value->c_str(), nullptr, 10) != 0;
}

std::optional<std::int64_t> View::number(std::string_view path) const {
    auto value = get_value(path);
    return value ? parse_number<std::int64_t>(*value) : std::nullopt;
}

std::vector<std::string> View::names(std::string_view dir, std::string_view prefix) const {
    auto all = list(dir);
    std::erase_if(all, [&](const auto& name) { return !name.starts_with(prefix); });
    return all;
}

std::vector<std::string> View::suffixes(std::string_view dir, std::string_view prefix) const {
    auto found = names(dir, prefix);
    std::erase(found, prefix);
    for (auto& name : found) name.erase(0, prefix.size());
    return found;
}

std::string resource_dir(std::string_view resource) {
    return "resource-" + std::string(resource);
}

std::string resource_key(std::string_view resource, std::string_view key) {
    return resource_dir(resource) + "/" + std::string(key);
}

bool is_member_address(const View& view, std::string_view address) {
    const auto hosts = view.suffixes("ips", "ip-");
    return std::any_of(hosts.begin(), hosts.end(),
                       [&](const std::string& host) { return view.value("ips/ip-" + host) == address; });
}

} // namespace mars::tree
