// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/command/log_links.hpp"

#include <algorithm>

#include "shell/command/hosts.hpp"

namespace mars::shell {

namespace {

std::vector<NumberedKey> numbered_keys(const tree::View& view, std::string_view resource, std::string_view prefix) {
    std::vector<NumberedKey> found;
    for (auto& name : view.list(tree::resource_dir(resource)))
        if (auto id = format::parse_numbered_name(prefix, name)) found.push_back({std::move(*id), std::move(name)});
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    return found;
}

} // namespace

std::vector<NumberedKey> logs_of(const tree::View& view, std::string_view resource) {
    return numbered_keys(view, resource, "log");
}

std::vector<NumberedKey> versions_of(const tree::View& view, std::string_view resource) {
    return numbered_keys(view, resource, "version");
}

std::int64_t highest_version(const tree::View& view, std::string_view resource) {
    auto versions = versions_of(view, resource);
    return versions.empty() ? 0 : versions.back().id.seq;
}

std::optional<std::string> version_of(const tree::View& view, std::string_view resource, std::int64_t seq,
                                      std::string_view host) {
    auto link = view.get(tree::resource_key(resource, format::version_key(seq, host)));
    return link ? std::optional(std::move(link->value)) : std::nullopt;
}

std::optional<format::ReplayLink> replay_of(const tree::View& view, std::string_view resource, std::string_view host) {
    return format::ReplayLink::parse(view.value(tree::resource_key(resource, "replay-" + std::string(host))));
}

format::SplitBrain find_split_brain(const tree::View& view, std::string_view resource) {
    std::vector<format::HostPosition> hosts;
    for (const auto& host : replaying_hosts(view, resource))
        if (auto replay = replay_of(view, resource, host)) hosts.push_back({host, replay->position()});
    std::vector<format::LogName> logs;
    for (const auto& log : logs_of(view, resource)) logs.push_back(log.id);
    auto look_up = [&](std::int64_t seq, std::string_view host) { return version_of(view, resource, seq, host); };
    return format::find_split_brain(hosts, logs, look_up);
}

} // namespace mars::shell
