// SPDX-License-Identifier: GPL-2.0-or-later
// The filesystem in /mars fails in its logs or its names, is full, slow, or stands still; and small files elsewhere.
#include <cerrno>

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
