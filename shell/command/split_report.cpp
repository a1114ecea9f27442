// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/command/split_report.hpp"

#include <algorithm>

#include "kernel/format/histories.hpp"
#include "kernel/format/version_link.hpp"
#include "shell/command/hosts.hpp"
#include "shell/command/log_links.hpp"

namespace mars::shell {

namespace {

std::string join(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
    return text;
}

format::Histories histories_of(const tree::View& view, const std::string& resource) {
    std::vector<format::HostPosition> hosts;
    for (const auto& host : replaying_hosts(view, resource))
        if (auto replay = replay_of(view, resource, host)) hosts.push_back({host, replay->position()});
    const auto look_up = [&](std::int64_t seq, std::string_view host) { return version_of(view, resource, seq, host); };
    return format::find_histories(hosts, look_up);
}

// When the version was told of last, as its head's version links say.
std::optional<Stamp> last_told(const tree::View& view, const std::string& resource, const format::Version& version) {
    std::optional<Stamp> last;
    for (const auto& key : versions_of(view, resource)) {
        if (key.id.host != version.head.host || key.id.seq > version.head.position.log.seq) continue;
        const auto link = view.get(tree::resource_key(resource, key.name));
        if (link && (!last || *last < link->stamp)) last = link->stamp;
    }
    return last;
}

// When somebody told that he had come to the point where they part.
std::optional<Stamp> parted_at(const tree::View& view, const std::string& resource, const format::LogPosition& point) {
    std::optional<Stamp> first;
    for (const auto& key : versions_of(view, resource)) {
        if (key.id.seq != point.log.seq) continue;
        const auto link = view.get(tree::resource_key(resource, key.name));
        const auto told = link ? format::VersionLink::parse(link->value) : std::nullopt;
        if (told && told->log == point.log && told->length == point.pos && (!first || link->stamp < *first))
            first = link->stamp;
    }
    return first;
}

// All members but those that have `kept`, or can follow it.
std::vector<std::string> losers(const format::Histories& found, const format::Version& kept) {
    std::vector<std::string> hosts;
    for (const auto& version : found.versions)
        if (version.head.host != kept.head.host) hosts.insert(hosts.end(), version.hosts.begin(), version.hosts.end());
    return hosts;
}

std::string how_to_keep(const std::string& resource, const format::Histories& found, const format::Version& kept,
                        const std::optional<std::string>& primary) {
    std::string text = "to keep the version of " + kept.head.host + ": ";
    const bool is_of_primary = primary && std::find(kept.hosts.begin(), kept.hosts.end(), *primary) != kept.hosts.end();
    if (!is_of_primary)
        text += "stop what uses the device" + (primary ? " on " + *primary : std::string()) + ", on " + kept.head.host +
                ": marsadm disconnect " + resource + ", then marsadm primary --force " + resource + "; then ";
    const auto lost = losers(found, kept);
    return text + "on " + join(lost) + (lost.size() > 1 ? ", one after the other" : "") + ": marsadm invalidate " +
           resource;
}

} // namespace

std::vector<std::string> split_report(const tree::View& view, const std::string& resource) {
    const auto found = histories_of(view, resource);
    std::vector<std::string> lines;
    if (found.versions.empty()) return lines;
    const auto primary = designated_primary(view, resource);
    const auto parted = found.last_common ? parted_at(view, resource, *found.last_common) : std::nullopt;
    lines.push_back("SPLIT BRAIN: " + std::to_string(found.versions.size()) + " versions, " +
                    (found.last_common ? "which part after " + found.last_common->text() +
                                             (parted ? " (reached by " + parted->utc() + ")" : "")
                                       : "and where they part is not known any more"));
    for (const auto& version : found.versions) {
        auto text = "version of " + version.head.host + (primary == version.head.host ? " (the primary)" : "") + ": ";
        text += std::to_string(version.beyond) + " bytes of logs beyond it, up to " + version.head.position.text();
        if (const auto told = last_told(view, resource, version)) text += ", told last at " + told->utc();
        const std::vector<std::string> others(version.hosts.begin() + 1, version.hosts.end());
        if (!others.empty()) text += "; also on " + join(others);
        lines.push_back(std::move(text));
    }
    if (!found.undecided.empty()) lines.push_back(join(found.undecided) + " can follow any of them");
    for (const auto& version : found.versions) lines.push_back(how_to_keep(resource, found, version, primary));
    return lines;
}

std::string split_json(const tree::View& view, const std::string& resource) {
    const auto found = histories_of(view, resource);
    if (found.versions.empty()) return "";
    const auto primary = designated_primary(view, resource);
    const auto quoted = [](const std::string& text) { return "\"" + text + "\""; }; // names, digits, commands: plain
    const auto list = [&](const std::vector<std::string>& words) {
        std::string text;
        for (const auto& word : words) text += (text.empty() ? "" : ", ") + quoted(word);
        return "[" + text + "]";
    };
    const auto time = [&](const std::optional<Stamp>& stamp) { return stamp ? quoted(stamp->text()) : "null"; };
    std::string text =
        "{\"last_common\": " + (found.last_common ? quoted(found.last_common->text()) : "null") +
        ", \"parted_at\": " + time(found.last_common ? parted_at(view, resource, *found.last_common) : std::nullopt) +
        ", \"versions\": [";
    const char* separator = "";
    for (const auto& version : found.versions) {
        text += separator + std::string("{\"host\": ") + quoted(version.head.host) +
                ", \"hosts\": " + list(version.hosts) + ", \"position\": " + quoted(version.head.position.text()) +
                ", \"beyond_bytes\": " + std::to_string(version.beyond) +
                ", \"told_at\": " + time(last_told(view, resource, version)) +
                ", \"keep\": " + quoted(how_to_keep(resource, found, version, primary)) + "}";
        separator = ", ";
    }
    return text + "], \"undecided\": " + list(found.undecided) + "}";
}

} // namespace mars::shell
