// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/sim/checks.hpp"

#include <algorithm>

#include "kernel/format/replay_link.hpp"
#include "kernel/format/version_link.hpp"
#include "kernel/tree/paths.hpp"
#include "kernel/tree/view.hpp"
#include "tests/sim/offline.hpp"

namespace mars::sim {

namespace {

bool is_still_damaged(Run& run, const Node& node, const SimResource& resource) {
    const auto& past = run.past(resource);
    if (past.damaged != &node) return false;
    const auto* file = node.machine.filesystem().find(past.damaged_byte.path);
    if (past.damaged_byte.is_unreadable)
        return file && file->inode && file->inode->unreadable.contains(past.damaged_byte.at / kSector);
    const auto* bytes = node.machine.filesystem().contents(past.damaged_byte.path);
    return bytes && bytes->size() > past.damaged_byte.at && (*bytes)[past.damaged_byte.at] == past.damaged_byte.value;
}

// True for the host that wrote the newest log of all: it was primary last, so it has every acknowledged write.
bool is_newest(Run& run, const OfflineState& state, const SimResource& resource) {
    if (!state.is_primary_log) return false;
    const auto mine = format::LogPosition::parse(state.end);
    return std::none_of(run.cluster.nodes().begin(), run.cluster.nodes().end(), [&](auto& node) {
        const auto newest = run.newest_log(*node, resource);
        return newest && mine && newest->seq > mine->log.seq;
    });
}

// Replicated values that must be equal everywhere in the end.
std::map<std::string, std::string> tree_of(const Node& node) {
    std::map<std::string, std::string> keys;
    for (auto& [path, link] : node.machine.filesystem().links_below("/mars")) {
        const auto name = path.substr(path.rfind('/') + 1);
        const bool is_heartbeat = name == "time" || name == "alive" || name == "read-stamp" || name == "read-time";
        if (link == tree::kDeleted || is_heartbeat || !tree::is_transferable(path.substr(6))) continue;
        keys[path] = link;
    }
    return keys;
}

std::string difference_of_trees(Run& run) {
    const auto ours = tree_of(run.cluster.node(0));
    for (std::size_t i = 1; i < run.cluster.size(); ++i) {
        auto& node = run.cluster.node(i);
        auto theirs = tree_of(node);
        if (ours == theirs) continue;
        for (auto& [path, value] : ours)
            if (!theirs.contains(path) || theirs[path] != value)
                return path + " is '" + value + "' on hosta, '" + theirs[path] + "' on " + node.name();
        for (auto& [path, value] : theirs)
            if (!ours.contains(path)) return path + " is '" + value + "' on " + node.name() + ", missing on hosta";
    }
    return {};
}

std::string difference_of(Run& run, SimResource& resource) {
    auto& cluster = run.cluster;
    const auto primary = run.primary_of(resource);
    const auto wanted = cluster.link(cluster.node(0), resource.key("replay-" + primary));
    auto replay = format::ReplayLink::parse(wanted);
    if (!replay || replay->dirty != 0) return resource.name + ": primary " + primary + " is at '" + wanted + "'";
    const auto version = format::VersionLink::parse(
        cluster.link(cluster.node(0), resource.key(format::version_key(replay->log.seq, primary))));
    if (!version || version->log != replay->log || version->length != replay->pos)
        return resource.name + ": primary " + primary + " has still to write back from " + wanted + " on";
    const auto* writer = cluster.find(primary);
    for (auto& file : writer ? writer->machine.filesystem().names_in(resource.directory()) : std::vector<std::string>())
        if (const auto log = format::LogName::parse(file); log && log->seq > replay->log.seq)
            if (const auto* bytes = writer->machine.filesystem().contents(resource.key(file)); bytes && !bytes->empty())
                return resource.name + ": primary " + primary + " has still to tell of " + file;
    if (cluster.hosts_with_device(resource).empty()) return resource.name + ": nobody has the device";
    for (auto* node : resource.members) {
        const auto link = cluster.link(*node, resource.key("replay-" + node->name()));
        if (link != wanted) return resource.name + ": " + node->name() + " is at '" + link + "', not at " + wanted;
        const auto copied = cluster.link(*node, resource.key("syncstatus-" + node->name()));
        if (copied != std::to_string(resource.bytes)) // a new member begins where the primary is
            return resource.name + ": " + node->name() + " has copied '" + copied + "' bytes only";
    }
    return {};
}

} // namespace

void check_host(Run& run, Node& node) {
    for (auto& resource : run.cluster.resources()) {
        if (!resource->has_member(node)) continue;
        if (run.past(*resource).doubtful.contains(&node)) continue; // compared at the end
        if (run.has_no_disk(node, *resource)) continue;
        if (is_still_damaged(run, node, *resource)) continue; // until a member has answered, what is behind is unread
        auto state = offline_state(run.cluster, node, *resource);
        if (!state.is_member || !state.is_consistent) continue;
        auto wrong = resource->history.check_prefix(state.content);
        if (wrong.empty() && is_newest(run, state, *resource)) wrong = resource->history.check_durable(state.content);
        if (!wrong.empty())
            run.report(resource->name + " on " + node.name() + " after its crash, up to " + state.end + ": " + wrong);
    }
}

void check_running(Run& run) {
    run.cluster.notice_devices();
    for (auto& resource : run.cluster.resources())
        if (resource->most_devices > 1) run.report("two hosts have the device of " + resource->name + " at one time");
    run.report(run.cluster.wrong());
}

bool is_level(Run& run, const Node& node, const SimResource& resource) {
    auto& cluster = run.cluster;
    return cluster.link(node, resource.key("replay-" + node.name())) ==
           cluster.link(cluster.node(0), resource.key("replay-" + run.primary_of(resource)));
}

std::string difference(Run& run) {
    for (auto& resource : run.cluster.resources())
        if (auto found = difference_of(run, *resource); !found.empty()) return found;
    return difference_of_trees(run);
}

void check_end(Run& run) {
    for (auto& resource : run.cluster.resources()) {
        const auto& first = *resource->members.front();
        for (auto* node : resource->members) {
            const auto& content = *node->machine.filesystem().contents(resource->disk);
            const auto wrong = resource->history.check_durable(content);
            if (!wrong.empty()) run.report(resource->name + " at the end on " + node->name() + ": " + wrong);
            if (content != *first.machine.filesystem().contents(resource->disk))
                run.report(resource->name + ": at the end the disks of " + first.name() + " and " + node->name() +
                           " differ");
        }
    }
    for (auto& node : run.cluster.nodes())
        if (const auto bytes = node->has_started ? node->daemon->manager().memory().used() : 0; bytes > 0)
            run.report(node->name() + ": at the end, when everything is on the disks, " + std::to_string(bytes) +
                       " bytes of memory for writes are in use");
    run.report(run.cluster.wrong());
}

} // namespace mars::sim
