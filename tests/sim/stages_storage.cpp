// SPDX-License-Identifier: GPL-2.0-or-later
// Disks and hosts that are exchanged, lost, late, or put back to older pictures; marsd must find it out by itself.
#include <algorithm>
#include <cerrno>

#include "tests/sim/run.hpp"
#include "tests/sim/stages.hpp"

namespace mars::sim {

using namespace std::chrono_literals;

namespace {

std::int64_t newest_log_in(const env::sim::NameMap& names, const SimResource& resource) {
    std::int64_t newest = 0;
    const auto below = resource.key("");
    for (auto& [path, entry] : names)
        if (path.starts_with(below))
            if (auto log = format::LogName::parse(path.substr(below.size()))) newest = std::max(newest, log->seq);
    return newest;
}

// A picture of a host's /mars and disks, as a backup or a storage system makes it.
bool take_picture_of(Run& run, Node& node) {
    if (run.outside.contains(&node) || run.has_no_disk(node)) return false;
    run.tell("a picture of " + node.name() + " is taken");
    run.pictures[&node] = node.machine.filesystem().picture();
    for (auto& resource : run.cluster.resources()) {
        auto& whole = run.past(*resource).whole;
        if (run.cluster.link(node, resource->key("syncstatus-" + node.name())) == std::to_string(resource->bytes))
            whole.insert(&node);
        else
            whole.erase(&node);
    }
    return true;
}

bool take_picture(Run& run) {
    return take_picture_of(run, run.any());
}

// /mars and the disks become what they were; what lies elsewhere stays.
void put_back(Run& run, Node& node) {
    run.tell(node.name() + " is put back to its picture");
    run.forget_copies(node);
    auto picture = run.pictures.at(&node);
    const auto is_elsewhere = [](const std::string& path) { return path.starts_with(kStateDirectory); };
    std::erase_if(picture, [&](const auto& entry) { return is_elsewhere(entry.first); });
    auto& filesystem = node.machine.filesystem();
    for (auto& [path, entry] : filesystem.picture())
        if (is_elsewhere(path)) picture[path] = entry;
    filesystem.restore(picture);
}

bool has_copy(Run& run, const Node& node, const SimResource& resource) {
    const auto& cluster = run.cluster;
    const auto& past = run.past(resource);
    const auto at = cluster.link(node, resource.key("replay-" + node.name()));
    return std::any_of(resource.members.begin(), resource.members.end(), [&](Node* other) {
        return other != &node && other->is_up() && !past.changed.contains(other) && !past.left.contains(other) &&
               cluster.link(*other, resource.key("replay-" + other->name())) == at;
    });
}

// The primary of something can be put back: it has begun another log since then, so that it must know.
bool can_be_put_back(Run& run, Node& node) {
    const auto picture = run.pictures.find(&node);
    if (picture == run.pictures.end() || !node.is_up() || node.is_stopping || run.has_no_disk(node)) return false;
    const auto now = node.machine.filesystem().picture();
    bool is_primary = false;
    for (auto& resource : run.cluster.resources()) {
        if (!resource->has_member(node) || !run.is_needed(node, *resource)) continue;
        if (!node.has_device(*resource)) return false;                // nor anybody else has what it has
        if (!run.past(*resource).whole.contains(&node)) return false; // of a copy under way: another has to be primary
        if (newest_log_in(picture->second, *resource) >= newest_log_in(now, *resource)) return false;
        is_primary = true;
    }
    return is_primary;
}

// If there is no primary with a picture of an earlier log, there shall be one.
void let_a_primary_have_a_past(Run& run) {
    auto& nodes = run.cluster.nodes();
    if (std::any_of(nodes.begin(), nodes.end(), [&](auto& node) { return can_be_put_back(run, *node); })) return;
    auto* holder = run.any_holder(run.any_resource());
    if (!holder || holder->is_stopping || !take_picture_of(run, *holder)) return;
    run.cluster.world().network().heal_all();
    run.pass(run.between(500ms, 5s));
    for (auto& resource : run.cluster.resources())
        if (holder->has_device(*resource)) run.cluster.commands().run(*holder, {"log-rotate", resource->name});
    run.pass(run.between(1s, 6s));
}

// Often with all lines down. What it has lost, some member has.
bool restore_a_primary(Run& run) {
    let_a_primary_have_a_past(run);
    for (auto& pointer : run.cluster.nodes()) {
        auto& node = *pointer;
        if (!can_be_put_back(run, node)) continue;
        auto& cluster = run.cluster;
        std::vector<SimResource*> held;
        for (auto& resource : cluster.resources())
            if (node.has_device(*resource)) held.push_back(resource.get());
        const bool is_closed =
            std::all_of(held.begin(), held.end(), [&](auto* its) { return cluster.stop_application(node, *its); });
        if (is_closed) run.pass(4s); // positions are published
        const bool is_ready = is_closed && node.is_up() && std::all_of(held.begin(), held.end(), [&](auto* its) {
                                  return has_copy(run, node, *its);
                              });
        if (!is_ready) {
            cluster.start_applications();
            return false;
        }
        cluster.kill(node);
        if (run.random.chance(60)) {
            run.tell(node.name() + " is cut off");
            cluster.unplug(node);
        }
        put_back(run, node);
        for (auto& resource : cluster.resources()) {
            auto& past = run.past(*resource);
            if (std::find(held.begin(), held.end(), resource.get()) != held.end()) {
                past.doubtful.insert(&node);
                past.put_back = &node;
            } else {
                past.changed.insert(&node);
            }
        }
        cluster.start_applications();
        cluster.boot(node);
        return true;
    }
    return false;
}

bool restore_a_secondary(Run& run) {
    std::vector<Node*> fit;
    for (auto& node : run.cluster.nodes())
        if (run.pictures.contains(node.get()) && !run.is_needed(*node) && !run.has_no_disk(*node))
            fit.push_back(node.get());
    if (fit.empty()) return false;
    auto& node = *fit[run.random.below(fit.size())];
    if (node.is_up()) run.cluster.kill(node);
    put_back(run, node);
    for (auto& resource : run.cluster.resources()) run.past(*resource).changed.insert(&node);
    run.cluster.boot(node);
    return true;
}

bool exchange_a_disk(Run& run) {
    auto& resource = run.any_resource();
    auto& node = run.any_member(resource);
    if (run.is_needed(node, resource) || run.has_no_disk(node, resource)) return false;
    const auto picture = run.pictures.find(&node);
    const bool is_older = picture != run.pictures.end() && run.random.chance(50);
    run.tell(node.name() + " gets " + (is_older ? "an older" : "an empty") + " disk for " + resource.name);
    if (node.is_up()) run.cluster.kill(node);
    auto& filesystem = node.machine.filesystem();
    auto names = filesystem.picture();
    auto& content = names[resource.disk].inode->current;
    if (is_older)
        content = picture->second.at(resource.disk).inode->current;
    else
        std::fill(content.begin(), content.end(), std::byte());
    filesystem.restore(names);
    run.past(resource).doubtful.insert(&node);
    run.past(resource).changed.insert(&node);
    run.cluster.boot(node);
    return true;
}

bool boot_before_the_disk(Run& run) {
    auto& resource = run.any_resource();
    auto& node = run.any_member(resource);
    if (run.is_needed(node, resource)) return false;
    run.tell(node.name() + " boots before its disk for " + resource.name + " is there");
    if (node.is_up()) run.cluster.kill(node);
    auto& filesystem = node.machine.filesystem();
    filesystem.fault = [disk = resource.disk](env::sim::Operation operation, const std::string& path) {
        const bool is_absent = operation == env::sim::Operation::open && path == disk;
        return is_absent ? std::optional(ENOENT) : std::nullopt;
    };
    run.cluster.boot(node);
    run.pass(run.between(1s, 9s));
    filesystem.fault = nullptr;
    return true;
}

constexpr Stage kStorageStages[] = {
    {.name = "take a picture", .weight = 4, .run = take_picture},
    {.name = "put a secondary back",
     .weight = 2,
     .needs_all_data = true,
     .needs_no_verbs = true,
     .run = restore_a_secondary},
    {.name = "put a primary back", .weight = 4, .needs_no_verbs = true, .run = restore_a_primary},
    {.name = "exchange a disk", .weight = 2, .needs_all_data = true, .needs_no_verbs = true, .run = exchange_a_disk},
    {.name = "a disk comes late", .weight = 1, .needs_all_data = true, .run = boot_before_the_disk},
};

} // namespace

const Family kStorage{"storage", "disks exchanged or late, hosts put back to older pictures", kStorageStages};

} // namespace mars::sim
