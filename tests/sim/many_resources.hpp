// SPDX-License-Identifier: GPL-2.0-or-later
// ManyResources: three simulated hosts with any number of equal resources, "r0", "r1", …; hosta is
// primary of all of them, nobody writes. The first one is made by marsadm; the others are copies of what that has left.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kernel/daemon/daemon.hpp"
#include "kernel/env/sim/machine.hpp"
#include "kernel/env/sim/network.hpp"
#include "tests/sim/sim_exports.hpp"
#include "tests/sim/sim_operator.hpp"

namespace mars::sim {

class ManyResources {
  public:
    static constexpr std::size_t kHosts = 3;

    ManyResources(std::size_t resources, std::uint64_t seed = 1);
    ~ManyResources();

    // Boots the hosts; all have attached their disks, and are connected, when it returns. Empty, or what went wrong.
    std::string set_up();
    // The same key of all resources is changed on `host` as marsadm does it. Empty value: `.deleted`.
    void change_all(std::size_t host, const std::string& key, const std::string& value);
    // All trees say so of all resources.
    bool is_everywhere(const std::string& key, const std::string& value) const;
    // Keys that differ between two hosts, of those that travel and are not heartbeats; at most some.
    std::vector<std::string> differences() const;
    // Payload that was sent between any two hosts so far, in bytes.
    std::uint64_t bytes_on_the_wire();
    // How often marsds have looked at names on the disk so far.
    std::uint64_t looks() const;

    env::sim::World& world() { return world_; }
    std::string name(std::size_t resource) const { return "r" + std::to_string(resource); }
    std::string value(std::size_t host, const std::string& path) const;

  private:
    struct Node {
        explicit Node(env::sim::Machine& m) : machine(m) {}
        env::sim::Machine& machine;
        std::unique_ptr<env::sim::Process> process;
        std::unique_ptr<SimExports> exports;
        std::unique_ptr<daemon::Daemon> daemon;
        std::unique_ptr<env::TaskGroup> tasks;
    };

    void boot(Node& node);
    void halt(Node& node);
    std::string marsadm(Node& node, std::vector<std::string> words);
    void multiply(Node& node) const;

    std::size_t resources_;
    env::sim::World world_;
    Callers callers_;
    std::vector<std::unique_ptr<Node>> nodes_;
};

} // namespace mars::sim
