// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/sim/invariants.hpp"

#include <algorithm>
#include <cstring>

#include "kernel/format/replay_link.hpp"
#include "kernel/format/version_link.hpp"
#include "kernel/tree/paths.hpp"
#include "kernel/tree/view.hpp"
#include "tests/sim/offline.hpp"
#include "tests/sim/run.hpp"

namespace mars::sim {

using namespace std::chrono_literals;

namespace {

constexpr std::string_view kResources = "/mars/resource-";
constexpr std::size_t kComparedBytes = 16 * 1024; // of a log, before its published end: earlier ones were looked at

// What a stage has done to the storage of this host may have taken what it had called durable.
bool is_doubtful(const Past& past, Node& node) {
    return past.doubtful.contains(&node) || past.rewritten.contains(&node) || past.changed.contains(&node) ||
           past.put_back == &node || past.damaged == &node;
}

// How much of a file a power cut would leave for certain.
std::size_t durable_bytes(const env::sim::Inode& inode, std::size_t wanted) {
    auto bytes = std::min(inode.durable.size(), inode.current.size());
    for (auto& write : inode.unsynced) bytes = std::min(bytes, static_cast<std::size_t>(write.offset));
    const auto end = std::min(bytes, wanted);
    const auto begin = end - std::min(end, kComparedBytes);
    if (end == begin) return bytes;
    const bool is_equal = std::memcmp(inode.current.data() + begin, inode.durable.data() + begin, end - begin) == 0;
    return is_equal ? bytes : begin;
}

} // namespace

Invariants::Invariants(Run& run) : run_(run), hosts_(run) {
    for (auto& resource : run.cluster.resources()) resources_["resource-" + resource->name] = resource.get();
    for (auto& node : run.cluster.nodes())
        node->machine.filesystem().on_change = [this, &node = *node](const std::string& path) {
            on_change(node, path);
        };
}

Invariants::~Invariants() {
    for (auto& node : run_.cluster.nodes()) node->machine.filesystem().on_change = nullptr;
}

void Invariants::forget_copies(const Node& node) {
    for (auto& [resource, copies] : copies_) copies.erase(&node);
    for (auto& [resource, copies] : fresh_) copies.erase(&node);
}

void Invariants::on_change(Node& node, const std::string& path) {
    if (!node.is_up()) return;
    hosts_.look(node, path);
    if (!path.starts_with(kResources)) return;
    const auto directory = path.substr(6, path.find('/', 6) - 6);
    const auto resource = resources_.find(directory);
    if (resource == resources_.end() || path.size() <= 7 + directory.size()) return;
    const auto* link = node.machine.filesystem().find(path);
    const bool is_told = link && link->kind == env::FileKind::symlink && link->target != tree::kDeleted;
    look_at({node, *resource->second, path.substr(7 + directory.size()), is_told ? link->target : std::string()});
}

void Invariants::look_at(const Change& change) {
    const auto& me = change.node.name();
    if (change.key == "syncstatus-" + me || change.key == "syncpos-" + me)
        check_copy(change);
    else if (change.key.starts_with("version-") && change.key.ends_with("-" + me))
        check_version(change);
    else if (change.key == "replay-" + me)
        check_replay(change);
    else if (change.key == "actual-" + me + "/is-primary")
        check_primary(change);
    else if (change.key == "actual-" + me + "/primary-seen")
        check_role(change);
    else
        return;
    check_fresh(change);
    auto& most = change.resource.most_devices; // looked at in check_running()
    most = std::max(most, run_.cluster.hosts_with_device(change.resource).size());
}

// The same position twice is one key, and no change: then it must be where the primary is.
bool Invariants::is_past_end(const Change& change) const {
    auto& cluster = run_.cluster;
    auto& resource = change.resource;
    const auto told = cluster.link(change.node, resource.key("syncpos-" + change.node.name()));
    const auto* primary = cluster.find(cluster.link(change.node, resource.key("primary")));
    if (!primary) return false;
    return !told.empty() && told == cluster.link(*primary, resource.key("replay-" + primary->name()));
}

void Invariants::check_copy(const Change& change) {
    auto& copies = copies_[&change.resource];
    const auto copy = copies.find(&change.node);
    if (change.key.starts_with("syncpos-")) {
        if (copy != copies.end() && !change.value.empty()) copy->second.has_end = true;
        return;
    }
    fresh_[&change.resource].erase(&change.node);
    if (change.value.empty()) {
        copies.erase(&change.node);
    } else if (change.value != std::to_string(change.resource.bytes)) {
        if (change.value == "0" || copy == copies.end()) copies[&change.node] = {run_.cluster.world().now()};
    } else if (copy != copies.end()) {
        if (!copy->second.has_end && !is_past_end(change))
            report(change, "that syncpos-" + change.node.name() + " is told first",
                   "none since the copy began at " + std::to_string(copy->second.began / 1ms) + " ms");
        copies.erase(copy);
        fresh_[&change.resource].insert(&change.node);
    }
}

// Of a copy that counts as complete: what this host would make of it after the end of marsd now.
void Invariants::check_fresh(const Change& change) {
    auto& fresh = fresh_[&change.resource];
    if (run_.has_no_disk(change.node, change.resource)) return; // until it is back
    if (!fresh.contains(&change.node) || is_doubtful(run_.past(change.resource), change.node)) return;
    const auto state = offline_state(run_.cluster, change.node, change.resource);
    if (!state.is_member || !state.is_consistent) return; // logs are still to come
    fresh.erase(&change.node);
    if (const auto wrong = change.resource.history.check_prefix(state.content); !wrong.empty())
        report(change, "a past state of the primary in the new copy, up to " + state.end, wrong);
}

// Whoever joins tells the length of the primary: its copy of the log comes later.
void Invariants::check_version(const Change& change) {
    const auto version = format::VersionLink::parse(change.value);
    if (!version) return;
    const auto& me = change.node.name();
    const auto copied = run_.cluster.link(change.node, change.resource.key("syncstatus-" + me));
    if (version->log.host == me || copied == std::to_string(change.resource.bytes))
        check_length(change, version->log, version->length);
}

void Invariants::check_replay(const Change& change) {
    const auto replay = format::ReplayLink::parse(change.value);
    if (replay && replay->log.host == change.node.name()) check_length(change, replay->log, replay->pos);
}

void Invariants::check_length(const Change& change, const format::LogName& log, std::int64_t length) {
    const auto* file = change.node.machine.filesystem().find(change.resource.key(log.text()));
    if (!file || !file->inode || is_doubtful(run_.past(change.resource), change.node)) return;
    const auto wanted = static_cast<std::size_t>(length);
    if (const auto durable = durable_bytes(*file->inode, wanted); durable < wanted)
        report(change, "no more than is durable of " + log.text(), std::to_string(durable) + " bytes");
}

void Invariants::check_primary(const Change& change) {
    if (change.value != "1" || is_doubtful(run_.past(change.resource), change.node)) return; // as it was in a picture
    auto& cluster = run_.cluster;
    for (auto* other : cluster.hosts_with_device(change.resource)) {
        if (other == &change.node) continue;
        const auto told = cluster.link(*other, change.resource.key("actual-" + other->name() + "/is-primary"));
        if (told == "1") report(change, "one primary", "that " + other->name() + " is it, and has the device");
    }
}

// Whom this host believes to be primary, or a later one, it must still know after a power cut.
void Invariants::check_role(const Change& change) {
    const auto comma = change.value.find(',');
    const auto stamp = comma == std::string::npos ? std::nullopt : Stamp::parse(change.value.substr(comma + 1));
    const auto& past = run_.past(change.resource);
    if (!stamp || is_doubtful(past, change.node)) return;
    if (past.left.contains(&change.node) || run_.outside.contains(&change.node)) return; // it has removed all of that
    const auto* kept = change.node.machine.filesystem().find_durable(change.resource.key("primary"));
    if (kept && !(kept->mtime < *stamp)) return;
    report(change, "that it is durable who is primary",
           kept ? "'" + kept->target + "," + kept->mtime.text() + "'" : "nothing");
}

void Invariants::report(const Change& change, const std::string& expected, const std::string& found) {
    run_.report(change.resource.name + " on " + change.node.name() + ": " + change.key + " is told as '" +
                change.value + "', expected " + expected + ", found " + found);
}

} // namespace mars::sim
