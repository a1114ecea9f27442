// SPDX-License-Identifier: GPL-2.0-or-later
// Resources that share a host: what goes wrong with one of them is no trouble of the others.
#include <cerrno>

#include "tests/sim/bad_days.hpp"
#include "tests/sim/operators.hpp"
#include "tests/sim/stages.hpp"

namespace mars::sim {

using namespace std::chrono_literals;
using env::sim::Fault;
using env::sim::Operation;

namespace {

struct Neighbours {
    Node* holder = nullptr;
    SimResource* bad = nullptr;
    SimResource* good = nullptr;
};

// Two resources with their devices on one host, whose storage is sound, and applications at work.
std::optional<Neighbours> find_neighbours(Run& run) {
    for (auto& node : run.cluster.nodes()) {
        if (!node->is_up() || node->is_stopping || node->machine.filesystem().may_fail()) continue;
        std::vector<SimResource*> held;
        for (auto& resource : run.cluster.resources())
            if (node->has_device(*resource) && node->applications[resource.get()].workers > 0)
                held.push_back(resource.get());
        if (held.size() < 2) continue;
        const auto bad = run.random.below(held.size());
        return Neighbours{node.get(), held[bad], held[(bad + 1) % held.size()]};
    }
    return std::nullopt;
}

// If there are none, an operator brings a resource to where another one is.
std::optional<Neighbours> any_neighbours(Run& run) {
    if (run.cluster.resources().size() < 2) return std::nullopt;
    if (auto found = find_neighbours(run)) return found;
    auto& first = run.any_resource();
    auto* holder = run.any_holder(first);
    if (!holder || run.outside.contains(holder)) return std::nullopt;
    for (auto& resource : run.cluster.resources())
        if (resource.get() != &first && resource->has_member(*holder) && !holder->has_device(*resource)) {
            hand_over(run, *resource, {holder});
            run.pass(3s);
            break;
        }
    return find_neighbours(run);
}

// The bad one takes all the memory that it gets; the good one has its own share.
bool stop_the_disk_of_one(Run& run) {
    const auto found = any_neighbours(run);
    if (!found) return false;
    const auto& [node, bad, good] = *found;
    Fault fault;
    fault.pattern = bad->disk;
    fault.operations = {Operation::write}; // readers would wait, and write no more
    fault.stands_still = true;
    fault.from = run.cluster.world().now();
    fault.to = fault.from + 40s;
    const auto number = begin_fault(run, *node, fault, bad->disk);
    run.pass(27s);
    const auto before = good->history.acknowledged();
    run.pass(10s);
    node->machine.filesystem().faults().remove(number);
    const bool is_at_work = node->has_device(*good) && node->applications[good].workers > 0;
    if (is_at_work && good->history.acknowledged() == before)
        run.report(good->name + " on " + node->name() + ": no write is acknowledged for 10 s, while only the disk of " +
                   bad->name + " stands still");
    return true;
}

// One resource's directory takes no more names on a host; what is told of the other one arrives there.
bool fill_the_directory_of_one(Run& run) {
    const auto found = any_neighbours(run);
    if (!found || !is_everybody_well(run, *found->good) || !is_calm(run)) return false;
    const auto& [holder, bad, good] = *found;
    Node* peer = nullptr;
    for (auto* node : bad->members)
        if (node != holder && good->has_member(*node)) peer = node;
    if (!peer) return false;
    Fault fault;
    fault.pattern = bad->key("*");
    fault.operations = {Operation::symlink};
    fault.error = ENOSPC;
    fault.from = run.cluster.world().now();
    fault.to = fault.from + 30s;
    const auto number = begin_fault(run, *peer, fault, "names in " + fault.pattern);
    run.pass(5s);
    const auto key = good->key("replay-" + holder->name());
    const auto old = run.cluster.link(*peer, key);
    run.pass(4s);
    const auto told = run.cluster.link(*holder, key);
    const bool is_told = told != old; // else nothing was written back
    if (is_told && !run.cluster.world().run_until([&] { return run.cluster.link(*peer, key) != old; }, 15s))
        run.report(good->name + " on " + peer->name() + ": replay-" + holder->name() + " is still '" + old +
                   "' 15 s after it was told as '" + told + "', while only names of " + bad->name + " have no room");
    peer->machine.filesystem().faults().remove(number);
    return true;
}

constexpr Stage kNeighbourStages[] = {
    {.name = "the disk of one resource stands still",
     .weight = 15,
     .needs_no_verbs = true,
     .run = stop_the_disk_of_one},
    {.name = "names of one resource have no room",
     .weight = 12,
     .needs_no_verbs = true,
     .run = fill_the_directory_of_one},
};

} // namespace

const Family kNeighbours{"neighbours", "of several resources on a host, one has trouble", kNeighbourStages};

} // namespace mars::sim
