// SPDX-License-Identifier: GPL-2.0-or-later
// Logs that others remove or damage, or whose storage lies.
#include <algorithm>

#include "kernel/format/log_scan.hpp"
#include "kernel/format/replay_link.hpp"
#include "kernel/format/version_link.hpp"
#include "tests/sim/run.hpp"
#include "tests/sim/stages.hpp"

namespace mars::sim {

using namespace std::chrono_literals;

namespace {

// Somebody makes room in /mars by hand: the newest log goes, on whatever host.
bool remove_a_log(Run& run) {
    auto& resource = run.any_resource();
    auto& node = run.any_member(resource);
    if (!node.is_up() || (!node.has_device(resource) && run.is_needed(node, resource))) return false;
    if (node.machine.filesystem().may_fail()) return false; // nothing can be written anew
    const auto newest = run.newest_log(node, resource);
    if (!newest) return false;
    run.tell(newest->text() + " of " + resource.name + " is removed on " + node.name());
    run.past(resource).rewritten.insert(&node);
    (void)node.process->storage().remove(resource.key(newest->text()));
    run.pass(5s); // noticed at the next commit; a crash before would lose what is not written back
    return true;
}

// All that the primary has written to this log is on its disk.
bool is_written_back(const Run& run, const Node& node, const SimResource& resource, const format::LogName& log) {
    const auto* bytes = node.is_up() ? node.machine.filesystem().contents(resource.key(log.text())) : nullptr;
    const auto at = format::ReplayLink::parse(run.cluster.link(node, resource.key("replay-" + node.name())));
    return bytes && at && at->log == log && at->dirty == 0 && at->pos > 0 &&
           bytes->size() == static_cast<std::size_t>(at->pos);
}

// The same while the primary's marsd is down, and all that it has written is on its disk: the log goes, or a part of
// it. Members that are behind cannot follow then.
bool lose_a_log_at_rest(Run& run) {
    auto& resource = run.any_resource();
    auto* holder = run.any_holder(resource);
    const auto log = holder ? run.newest_log(*holder, resource) : std::nullopt;
    auto& cluster = run.cluster;
    if (!log || holder->is_stopping || !cluster.stop_application(*holder, resource)) return false;
    run.pass(4s); // everything is written back, positions are published
    auto& node = *holder;
    const auto path = resource.key(log->text());
    auto& filesystem = node.machine.filesystem();
    const bool is_at_rest = is_written_back(run, node, resource, *log);
    if (is_at_rest) {
        cluster.kill(node);
        auto names = filesystem.picture();
        const bool is_whole = run.random.chance(35);
        run.tell((is_whole ? "" : "a half of ") + log->text() + " of " + resource.name + " is lost on " + node.name());
        if (is_whole)
            names.erase(path);
        else
            names[path].inode->current.resize(names[path].inode->current.size() / 2);
        filesystem.restore(names);
        auto& past = run.past(resource);
        past.doubtful.insert(&node);
        past.put_back = past.without_log = &node;
        for (auto* member : resource.members) past.changed.insert(member);
    }
    cluster.start_applications();
    if (!node.is_up()) cluster.boot(node);
    return is_at_rest;
}

// Some byte of the payloads from the record boundary `begin` on: not all of a header is covered by checksums.
std::optional<std::size_t> payload_byte(Run& run, std::span<const std::byte> log, std::size_t begin) {
    std::vector<std::size_t> bytes;
    for (std::size_t at = begin; at < log.size();) {
        const auto step = format::scan_record(log.subspan(at), at, 0, {});
        if (!step.record) break;
        const auto& payload = step.record->payload;
        if (!payload.empty())
            bytes.push_back(static_cast<std::size_t>(payload.data() - log.data()) + run.random.below(payload.size()));
        at = static_cast<std::size_t>(step.record->end);
    }
    if (bytes.empty()) return std::nullopt;
    return bytes[run.random.below(bytes.size())];
}

// How many bytes of two copies of a log are the same, and can be read.
std::size_t equal_bytes(const env::sim::Inode& one, const env::sim::Inode& other) {
    const auto end = std::min(one.current.size(), other.current.size());
    const auto first = one.current.begin();
    const auto differs = std::mismatch(first, first + static_cast<std::ptrdiff_t>(end), other.current.begin()).first;
    const auto equal = static_cast<std::size_t>(differs - first);
    return other.unreadable.empty() ? equal : std::min<std::size_t>(equal, *other.unreadable.begin() * kSector);
}

// How much of a log other members have, and will have after any crash.
std::size_t fetched_bytes(Run& run, const Node& node, const SimResource& resource, const format::LogName& log) {
    std::size_t fetched = 0;
    const auto path = resource.key(log.text());
    const auto& past = run.past(resource);
    const auto* own = node.machine.filesystem().find(path);
    if (!own || !own->inode) return 0;
    for (auto* other : resource.members) {
        auto& filesystem = other->machine.filesystem();
        const auto* copy = filesystem.find(path);
        if (other == &node || !other->is_up() || !copy || !copy->inode || past.changed.contains(other)) continue;
        filesystem.make_data_durable(*copy->inode, filesystem.data_mark()); // else it may never have told of it
        const auto version = format::VersionLink::parse(
            run.cluster.link(*other, resource.key(format::version_key(log.seq, other->name()))));
        const auto told = version && version->log == log ? static_cast<std::size_t>(version->length) : 0;
        fetched = std::max(fetched, std::min(told, equal_bytes(*own->inode, *copy->inode))); // more it does not trust
    }
    return fetched;
}

// Bits of the primary's log flip while its marsd is down, or a sector cannot be read any more, in what its disk does
// not hold yet; somebody has fetched that. It is to go on by itself, without losing what it alone has behind.
bool damage_a_log_at_rest(Run& run) {
    auto& resource = run.any_resource();
    auto* holder = run.any_holder(resource);
    const auto log = holder ? run.newest_log(*holder, resource) : std::nullopt;
    if (!log) return false;
    auto& node = *holder;
    auto& cluster = run.cluster;
    const auto path = resource.key(log->text());
    cluster.world().network().heal_all();
    run.forget_copies(node);
    ++run.crashes;
    const bool is_power_cut = run.random.chance(50); // then the end may be torn as well
    run.tell(node.name() + (is_power_cut ? " loses power" : " is killed"));
    is_power_cut ? cluster.power_cut(node) : cluster.kill(node);
    const auto* bytes = node.machine.filesystem().contents(path);
    const auto at = format::ReplayLink::parse(cluster.link(node, resource.key("replay-" + node.name())));
    const auto end = bytes ? std::min(fetched_bytes(run, node, resource, *log), bytes->size()) : 0;
    const auto begin = at && at->log == *log ? static_cast<std::size_t>(at->pos) : end;
    const auto at_byte = bytes ? payload_byte(run, std::span(*bytes).first(end), begin) : std::nullopt;
    if (at_byte) {
        const bool is_unreadable = run.random.chance(30);
        run.tell("byte " + std::to_string(*at_byte) + " of " + log->text() + " of " + resource.name +
                 (is_unreadable ? " cannot be read on " : " is damaged on ") + node.name());
        auto names = node.machine.filesystem().picture();
        auto& inode = *names[path].inode;
        if (is_unreadable)
            inode.unreadable.insert(*at_byte / kSector);
        else
            inode.current[*at_byte] ^= std::byte{0x10};
        node.machine.filesystem().restore(names);
        run.past(resource).damaged = &node;
        run.past(resource).damaged_byte = {path, *at_byte, inode.current[*at_byte], is_unreadable};
    }
    cluster.boot(node);
    run.pass(20s); // members are asked; later it would go on without them
    return at_byte.has_value();
}

// The same in what a replica has fetched, and not yet replayed: it gets that again.
bool damage_a_copy_at_rest(Run& run) {
    auto& resource = run.any_resource();
    auto& node = run.any_member(resource);
    const auto log = run.newest_log(node, resource);
    if (!log || !node.is_up() || node.is_stopping || run.outside.contains(&node) || run.is_needed(node, resource))
        return false;
    run.cluster.world().network().heal_all();
    run.crash(node, run.random.chance(50));
    const auto path = resource.key(log->text());
    const auto at = format::ReplayLink::parse(run.cluster.link(node, resource.key("replay-" + node.name())));
    const auto* file = node.machine.filesystem().find(path);
    const auto begin = at && at->log == *log ? static_cast<std::size_t>(at->pos) : 0;
    const auto at_byte = file && file->inode ? payload_byte(run, file->inode->current, begin) : std::nullopt;
    if (at_byte) {
        const bool is_unreadable = run.random.chance(30);
        run.tell("byte " + std::to_string(*at_byte) + " of the copy of " + log->text() + " of " + resource.name +
                 (is_unreadable ? " cannot be read on " : " is damaged on ") + node.name());
        if (is_unreadable)
            file->inode->unreadable.insert(*at_byte / kSector);
        else
            file->inode->flip(*at_byte, std::byte{0x10});
    }
    run.cluster.boot(node);
    return at_byte.has_value();
}

// The storage below the primary's log calls durable what is not, and then its power is cut. Its disk did not lie, and
// somebody has fetched all of the log; but that this was all, nobody can know.
bool lie_about_a_log(Run& run) {
    auto& resource = run.any_resource();
    auto* holder = run.any_holder(resource);
    const auto log = holder ? run.newest_log(*holder, resource) : std::nullopt;
    if (!log || holder->is_stopping) return false;
    auto& node = *holder;
    auto& filesystem = node.machine.filesystem();
    const auto path = resource.key(log->text());
    env::sim::Fault lie;
    lie.operations = {env::sim::Operation::sync};
    lie.pattern = path;
    lie.is_hollow = true;
    const auto number = filesystem.faults().add(lie);
    auto& past = run.past(resource);
    const bool is_new_doubt = past.doubtful.insert(&node).second;
    run.cluster.world().network().heal_all();
    run.pass(run.between(500ms, 5s));
    const bool is_closed = run.cluster.stop_application(node, resource);
    if (is_closed) run.pass(4s); // the rest is fetched
    const auto* bytes = node.is_up() ? filesystem.contents(path) : nullptr;
    const bool is_safe = is_closed && run.newest_log(node, resource) == log &&
                         is_written_back(run, node, resource, *log) &&
                         fetched_bytes(run, node, resource, *log) == bytes->size();
    if (is_safe) {
        run.tell("the storage of " + node.name() + " has lied about " + log->text() + " of " + resource.name);
        past.put_back = past.without_log = &node;
        for (auto* member : resource.members) past.changed.insert(member); // they start over when it goes on without
        auto kept = filesystem.find(path)->inode->durable;                 // a cache that was lost as a whole
        run.crash(node, true);
        auto names = filesystem.picture();
        names[path].inode->current = std::move(kept);
        filesystem.restore(names);
    } else {
        if (bytes) filesystem.make_data_durable(*filesystem.find(path)->inode, filesystem.data_mark());
        if (is_new_doubt) past.doubtful.erase(&node);
    }
    filesystem.faults().remove(number);
    run.cluster.start_applications();
    if (is_safe) run.cluster.boot(node);
    return is_safe;
}

constexpr Stage kLogStages[] = {
    {.name = "remove a log", .weight = 3, .needs_all_data = true, .needs_no_verbs = true, .run = remove_a_log},
    {.name = "lose a log at rest",
     .weight = 2,
     .needs_all_data = true,
     .needs_no_verbs = true,
     .run = lose_a_log_at_rest},
    {.name = "damage a log at rest",
     .weight = 4,
     .needs_all_data = true,
     .needs_no_verbs = true,
     .run = damage_a_log_at_rest},
    {.name = "damage a copy of a log at rest",
     .weight = 4,
     .needs_all_data = true,
     .needs_no_verbs = true,
     .run = damage_a_copy_at_rest},
    {.name = "storage lies about a log",
     .weight = 3,
     .needs_all_data = true,
     .needs_no_verbs = true,
     .run = lie_about_a_log},
};

} // namespace

const Family kLogs{"logs", "logs removed, cut or damaged, or not as durable as their storage says", kLogStages};

} // namespace mars::sim
