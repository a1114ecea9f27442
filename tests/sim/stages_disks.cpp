// SPDX-License-Identifier: GPL-2.0-or-later
// Data disks that fail, once or for longer, have sectors that cannot be read, are slow, stand still, or are pulled and
// come back as another device; or do not hold what they have called durable.
#include <cerrno>

#include "tests/sim/bad_days.hpp"
#include "tests/sim/stages.hpp"

namespace mars::sim {

using namespace std::chrono_literals;
using env::sim::Fault;
using env::sim::Operation;

namespace {

Fault fault_of(const SimResource& resource) {
    Fault fault;
    fault.pattern = resource.disk;
    return fault;
}

bool fail_a_disk(Run& run) {
    static const std::vector<Operation> kinds[] = {
        {Operation::read}, {Operation::write}, {Operation::sync}, {Operation::open}, {}};
    auto& resource = run.any_resource();
    auto& node = run.any_member(resource);
    auto fault = fault_of(resource);
    fault.operations = kinds[run.random.below(std::size(kinds))];
    fault.error = run.random.chance(80) ? EIO : ENXIO;
    fault.is_in_parts = run.random.chance(30);
    draw_span(run, fault, true);
    begin_fault(run, node, fault, resource.disk);
    return true;
}

bool slow_a_disk(Run& run) {
    auto& resource = run.any_resource();
    auto& node = run.any_member(resource);
    auto fault = fault_of(resource);
    fault.slower = 100;
    fault.from = run.cluster.world().now();
    if (run.random.chance(60)) fault.to = fault.from + run.between(1s, 40s);
    begin_fault(run, node, fault, resource.disk);
    return true;
}

bool stop_a_disk(Run& run) {
    auto& resource = run.any_resource();
    auto& node = run.any_member(resource);
    auto fault = fault_of(resource);
    fault.stands_still = true;
    fault.from = run.cluster.world().now();
    if (run.random.chance(70)) fault.to = fault.from + run.between(1s, 30s);
    begin_fault(run, node, fault, resource.disk);
    return true;
}

bool lose_sectors(Run& run) {
    auto& resource = run.any_resource();
    auto& node = run.any_member(resource);
    if (run.has_no_disk(node, resource)) return false;
    auto& filesystem = node.machine.filesystem();
    auto& inode = *filesystem.find(resource.disk)->inode;
    const auto count = 1 + run.random.below(8);
    const auto first = run.random.below(resource.bytes / kSector - count);
    run.tell(node.name() + ": " + std::to_string(count) + " sectors of " + resource.disk + " from " +
             std::to_string(first) + " on cannot be read until they are written");
    for (auto sector = first; sector < first + count; ++sector) inode.unreadable.insert(sector);
    run.cures.push_back([&filesystem, disk = resource.disk] {
        if (const auto* found = filesystem.find(disk)) found->inode->unreadable.clear();
    });
    return true;
}

// What has it open goes on with a device that is dead, until it is opened anew.
bool pull_a_disk(Run& run) {
    auto& resource = run.any_resource();
    auto& node = run.any_member(resource);
    if (run.has_no_disk(node, resource)) return false;
    auto& filesystem = node.machine.filesystem();
    const auto span = run.between(100ms, run.random.chance(60) ? 5s : 60s);
    run.tell(node.name() + ": " + resource.disk + " is pulled for " + std::to_string(span / 1ms) + " ms");
    const auto plug = [&filesystem, disk = resource.disk] { filesystem.plug_disk(disk); };
    filesystem.pull_disk(resource.disk);
    run.cluster.world().after(span, plug);
    run.cures.push_back(plug);
    return true;
}

// A replica's disk calls durable what is not, for a while, and then the power is cut: what is lost has to be noticed
// before anybody relies on it.
bool lie_about_a_disk(Run& run) {
    auto& resource = run.any_resource();
    auto& node = run.any_member(resource);
    const auto is_whole = [&] {
        const auto copied = run.cluster.link(node, resource.key("syncstatus-" + node.name()));
        return copied == std::to_string(resource.bytes) && !run.past(resource).left.contains(&node);
    };
    const auto is_fit = [&] {
        return node.is_up() && !node.is_stopping && is_whole() && !run.has_no_disk(node, resource) &&
               !run.is_needed(node, resource);
    };
    if (!is_fit()) return false;
    auto& filesystem = node.machine.filesystem();
    auto lie = fault_of(resource);
    lie.operations = {Operation::sync};
    lie.is_hollow = true;
    const auto number = filesystem.faults().add(lie);
    auto& past = run.past(resource);
    const bool is_new_doubt = past.doubtful.insert(&node).second;
    run.pass(run.between(1s, 10s));
    filesystem.faults().remove(number);
    const bool is_lost = is_fit();
    if (is_lost) {
        run.tell(resource.disk + " of " + node.name() + " has lied about what is durable");
        past.changed.insert(&node);
        run.crash(node, true);
        run.cluster.boot(node);
    } else {
        if (const auto* disk = filesystem.find(resource.disk))
            filesystem.make_data_durable(*disk->inode, filesystem.data_mark());
        if (is_new_doubt) past.doubtful.erase(&node);
    }
    return is_lost;
}

constexpr Stage kDiskStages[] = {
    {.name = "a disk fails", .weight = 5, .run = fail_a_disk},
    {.name = "sectors are lost", .weight = 2, .run = lose_sectors},
    {.name = "a disk is slow", .weight = 2, .run = slow_a_disk},
    {.name = "a disk stands still", .weight = 3, .run = stop_a_disk},
    {.name = "a disk is pulled", .weight = 4, .run = pull_a_disk},
    {.name = "a disk lies", .weight = 4, .needs_all_data = true, .needs_no_verbs = true, .run = lie_about_a_disk},
};

} // namespace

const Family kDisks{"disks", "data disks fail, lose sectors, are slow, stand still, are pulled, lie", kDiskStages};

} // namespace mars::sim
