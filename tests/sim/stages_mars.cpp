// SPDX-License-Identifier: GPL-2.0-or-later
// The filesystem in /mars fails in its logs or its names, is full, slow, or stands still; and small files elsewhere.
#include <cerrno>

#include "kernel/format/version_link.hpp"
#include "tests/sim/bad_days.hpp"
#include "tests/sim/stages.hpp"

namespace mars::sim {

using namespace std::chrono_literals;
using env::sim::Fault;
using env::sim::Operation;

namespace {

bool fail_a_log(Run& run) {
    static const std::vector<Operation> kinds[] = {{Operation::read}, {Operation::write},  {Operation::sync},
                                                   {Operation::open}, {Operation::create}, {}};
    auto& resource = run.any_resource();
    auto& node = run.any_member(resource);
    Fault fault;
    fault.pattern = resource.key("log-*");
    fault.operations = kinds[run.random.below(std::size(kinds))];
    fault.error = run.random.chance(70) ? EIO : ENOSPC;
    fault.is_in_parts = run.random.chance(30);
    draw_span(run, fault, true);
    begin_fault(run, node, fault, "logs of " + resource.name);
    return true;
}

// The sync of a log fails once, and marsd is killed before or after it has noticed.
bool end_after_a_failed_sync(Run& run) {
    auto& resource = run.any_resource();
    auto* holder = run.any_holder(resource);
    if (!holder || holder->is_stopping) return false;
    auto& filesystem = holder->machine.filesystem();
    Fault fault;
    fault.pattern = resource.key("log-*-" + holder->name());
    fault.operations = {Operation::sync};
    fault.error = EIO;
    fault.times = 1;
    fault.from = run.cluster.world().now();
    const auto number = filesystem.faults().add(fault);
    const bool is_hit = run.cluster.world().run_until([&] { return filesystem.faults().hits(number) > 0; }, 5s);
    filesystem.faults().remove(number);
    if (!is_hit || !holder->is_up()) return false;
    run.pass(run.between(0ms, 3ms));
    run.tell(holder->name() + ": a sync of the log of " + resource.name + " has failed; marsd is killed");
    run.forget_copies(*holder);
    run.cluster.kill_marsd(*holder);
    run.cluster.boot(*holder);
    run.pass(run.between(1s, 15s));
    if (holder->is_up() && run.random.chance(50)) run.crash(*holder, true);
    return true;
}

// A primary that is cut off dies, and what it has acknowledged last, which nobody has been told of, cannot be read for
// a while.
bool hide_the_end_of_a_log(Run& run) {
    auto& resource = run.any_resource();
    auto* holder = run.any_holder(resource);
    const auto log = holder ? run.newest_log(*holder, resource) : std::nullopt;
    if (!log || log->host != holder->name()) return false;
    auto& node = *holder;
    run.tell(node.name() + " is cut off");
    run.cluster.unplug(node);
    run.pass(run.between(300ms, 1900ms));
    if (!node.is_up()) return false;
    run.crash(node, run.random.chance(50));
    const auto version =
        format::VersionLink::parse(run.cluster.link(node, resource.key(format::version_key(log->seq, log->host))));
    const auto* file = node.machine.filesystem().find(resource.key(log->text()));
    if (file && file->inode && version && version->log == *log) {
        const auto inode = file->inode;
        const auto first = static_cast<std::uint64_t>(version->length) / kSector + 1;
        run.tell(node.name() + ": " + log->text() + " of " + resource.name + " cannot be read from sector " +
                 std::to_string(first) + " on");
        for (auto sector = first; sector * kSector < inode->current.size(); ++sector) inode->unreadable.insert(sector);
        const auto cure = [&node, path = resource.key(log->text())] {
            const auto* now = node.machine.filesystem().find(path);
            if (now && now->inode) now->inode->unreadable.clear();
        };
        run.cures.push_back(cure);
        run.cluster.world().after(run.between(5s, 40s), cure);
    }
    run.cluster.boot(node);
    run.pass(run.between(1s, 20s));
    if (run.random.chance(50)) run.cluster.world().network().heal_all();
    return true;
}

bool fail_the_tree(Run& run) {
    static const std::vector<Operation> kinds[] = {{Operation::symlink}, {Operation::rename},     {Operation::remove},
                                                   {Operation::create},  {Operation::sync_names}, {Operation::look}};
    auto& node = run.any();
    Fault fault;
    fault.pattern = run.random.chance(50) ? "/mars/*" : run.any_resource().key("*");
    fault.operations = kinds[run.random.below(std::size(kinds))];
    fault.error = run.random.chance(70) ? EIO : ENOSPC;
    draw_span(run, fault, true);
    begin_fault(run, node, fault, "names in " + fault.pattern);
    return true;
}

bool fail_the_notes(Run& run) {
    auto& node = run.any();
    Fault fault;
    fault.pattern = std::string(kStateDirectory) + "*";
    fault.error = run.random.chance(50) ? EIO : ENOSPC;
    draw_span(run, fault, true);
    begin_fault(run, node, fault, "marsd's own files");
    return true;
}

bool slow_mars(Run& run) {
    auto& node = run.any();
    Fault fault;
    fault.pattern = "/mars*";
    fault.slower = run.random.chance(50) ? 100 : 10;
    fault.from = run.cluster.world().now();
    if (run.random.chance(60)) fault.to = fault.from + run.between(1s, 40s);
    begin_fault(run, node, fault, "/mars");
    return true;
}

bool stop_mars(Run& run) {
    auto& node = run.any();
    Fault fault;
    fault.pattern = "/mars*";
    fault.stands_still = true;
    fault.from = run.cluster.world().now();
    fault.to = fault.from + run.between(1s, 30s);
    begin_fault(run, node, fault, "/mars");
    return true;
}

bool split_transfers(Run& run) {
    auto& node = run.any();
    Fault fault;
    fault.pattern = "*";
    fault.operations = {Operation::read, Operation::write};
    fault.is_in_parts = true;
    fault.percent = 30;
    begin_fault(run, node, fault, "all files");
    return true;
}

// So many blocks and inodes are left.
bool fill_mars(Run& run) {
    auto& node = run.any();
    auto& filesystem = node.machine.filesystem();
    const auto used = filesystem.used_below("/mars");
    const bool lacks_inodes = run.random.chance(25);
    const auto left = run.random.below(run.random.chance(50) ? 4 : 64);
    const auto span = run.between(500ms, 20s);
    run.tell(node.name() + ": /mars has " + std::to_string(left) + (lacks_inodes ? " inodes" : " blocks") + " left");
    if (lacks_inodes)
        filesystem.set_capacity("/mars", 0, used.inodes + left);
    else
        filesystem.set_capacity("/mars", (used.blocks + left) * 4096);
    const auto end = [&filesystem] { filesystem.set_capacity("/mars", 0); };
    if (run.random.chance(70)) run.cluster.world().after(span, end);
    run.cures.push_back(end);
    return true;
}

constexpr Stage kMarsStages[] = {
    {.name = "a log fails", .weight = 4, .run = fail_a_log},
    {.name = "a sync of a log fails, and marsd is killed", .weight = 3, .run = end_after_a_failed_sync},
    {.name = "the end of a log cannot be read", .weight = 3, .needs_all_data = true, .run = hide_the_end_of_a_log},
    {.name = "the tree fails", .weight = 4, .run = fail_the_tree},
    {.name = "marsd's own files fail", .weight = 1, .run = fail_the_notes},
    {.name = "/mars is slow", .weight = 2, .run = slow_mars},
    {.name = "/mars stands still", .weight = 2, .run = stop_mars},
    {.name = "transfers come in parts", .weight = 1, .run = split_transfers},
};

constexpr Stage kSpaceStages[] = {
    {.name = "/mars is full", .weight = 6, .run = fill_mars},
};

} // namespace

const Family kMars{"mars", "/mars fails in its logs or names, is slow, stands still", kMarsStages};
const Family kSpace{"space", "/mars is full, in blocks or inodes", kSpaceStages};

} // namespace mars::sim
