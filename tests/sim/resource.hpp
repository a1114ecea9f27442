// SPDX-License-Identifier: GPL-2.0-or-later
// SimResource: a resource of the simulated cluster: its disks (one on each member), and what applications have written
// to it. Node: a simulated host; what survives a crash is in its machine.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "kernel/daemon/daemon.hpp"
#include "kernel/env/sim/machine.hpp"
#include "tests/sim/sim_exports.hpp"
#include "tests/sim/write_history.hpp"

namespace mars::sim {

struct Node;

struct SimResource {
    SimResource(std::string its_name, std::uint64_t its_bytes)
        : name(std::move(its_name)), disk("/disks/" + name), bytes(its_bytes), history(its_bytes) {}

    std::string directory() const { return "/mars/resource-" + name; }
    std::string key(const std::string& below) const { return directory() + "/" + below; }
    bool has_member(const Node& node) const {
        return std::find(members.begin(), members.end(), &node) != members.end();
    }

    std::string name;
    std::string disk;
    std::uint64_t bytes;
    std::vector<Node*> members; // as the operators want it; the first one creates it
    WriteHistory history;
    std::size_t most_devices = 0; // on how many hosts there was its device at the same moment, while verbs were running
};

// The application of one resource on one host.
struct ApplicationState {
    bool shall_run = true;
    int workers = 0; // at work now: the device is open
    bool has_given_up = false;
};

struct Node {
    Node(env::sim::World& world, const std::string& name, const std::string& address)
        : machine(world.add_machine(name, address)) {}

    const std::string& name() const { return machine.name(); }
    bool is_up() const { return daemon != nullptr; }
    bool has_device(const SimResource& resource) const { return exports && exports->exists(resource.name); }

    env::sim::Machine& machine;
    std::unique_ptr<env::sim::Process> process;
    std::unique_ptr<SimExports> exports;
    std::unique_ptr<daemon::Daemon> daemon;
    std::unique_ptr<env::TaskGroup> tasks;
    bool has_started = false; // marsd
    bool is_stopping = false; // marsd, in order
    std::map<const SimResource*, ApplicationState> applications;
};

// In the same order in every run, wherever the nodes lie in memory.
struct ByName {
    bool operator()(const Node* a, const Node* b) const { return a->name() < b->name(); }
};
using NodeSet = std::set<Node*, ByName>;

} // namespace mars::sim
