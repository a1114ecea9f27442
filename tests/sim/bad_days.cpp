// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/sim/bad_days.hpp"

#include <cstring>

namespace mars::sim {

using namespace std::chrono_literals;
using env::sim::Fault;

namespace {

std::string in_ms(Duration d) {
    return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(d).count()) + " ms";
}

// What happens to which operations, for how long.
std::string text(const Fault& fault) {
    std::string line;
    for (auto operation : fault.operations) line += (line.empty() ? "" : ", ") + std::string(name_of(operation));
    if (fault.operations.empty()) line = "everything";
    if (fault.percent < 100) line = std::to_string(fault.percent) + " % of " + line;
    if (fault.error != 0) line += std::string(": ") + std::strerror(fault.error);
    if (fault.is_in_parts) line += " in parts";
    if (fault.slower > 1) line += " takes " + std::to_string(fault.slower) + " times as long";
    if (fault.stands_still) line += " stands still";
    if (fault.is_hollow) line += " does nothing";
    if (fault.times == 1) return line + ", once";
    return line + (fault.to == env::sim::kForEver ? ", until the end" : ", for " + in_ms(fault.to - fault.from));
}

} // namespace

void draw_span(Run& run, Fault& fault, bool may_last) {
    fault.from = run.cluster.world().now();
    if (run.random.chance(30)) fault.percent = 30;
    const auto kind = run.random.below(may_last ? 5 : 4);
    if (kind < 2)
        fault.times = 1;
    else if (kind < 4)
        fault.to = fault.from + run.between(100ms, 5s);
}

int begin_fault(Run& run, Node& node, Fault fault, const std::string& what) {
    run.tell(node.name() + ": " + what + ": " + text(fault));
    auto& faults = node.machine.filesystem().faults();
    const auto number = faults.add(std::move(fault));
    run.cures.push_back([&faults, number] { faults.remove(number); });
    return number;
}

} // namespace mars::sim
