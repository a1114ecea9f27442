// SPDX-License-Identifier: GPL-2.0-or-later
// Cluster: simulated hosts that run the real marsd and the real verbs of marsadm, with one resource "data", and an
// application that writes to it wherever its device is.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernel/daemon/daemon.hpp"
#include "kernel/env/sim/machine.hpp"
#include "kernel/env/sim/network.hpp"
#include "tests/sim/sim_exports.hpp"
#include "tests/sim/write_history.hpp"

namespace mars::sim {

inline constexpr std::uint64_t kDiskBytes = 512 * 1024;
inline constexpr const char* kResource = "data";
inline constexpr const char* kDisk = "/disks/d";
inline constexpr const char* kStateDirectory = "/state"; // not a part of pictures

// One host. What survives a crash is in `machine`.
struct Node {
    Node(env::sim::World& world, const std::string& name, const std::string& address)
        : machine(world.add_machine(name, address)) {}

    bool is_up() const { return daemon != nullptr; }
    std::string path(const std::string& key) const { return std::string("/mars/resource-") + kResource + "/" + key; }

    env::sim::Machine& machine;
    std::unique_ptr<env::sim::Process> process;
    std::unique_ptr<SimExports> exports;
    std::unique_ptr<daemon::Daemon> daemon;
    std::unique_ptr<env::TaskGroup> tasks;
    bool application_shall_run = true;
    int application_workers = 0;                    // at work now
    std::vector<const env::sim::Process*> commands; // calls of marsadm
};

struct VerbResult {
    int exit = -1; // -1: the host died, or the verb did not end in time
    std::string answer, error;
};

class Cluster {
  public:
    Cluster(std::uint64_t seed, std::size_t hosts);
    ~Cluster();

    // Boots all hosts and makes cluster and resource with marsadm. Empty, or what went wrong.
    std::string set_up();

    std::size_t size() const { return nodes_.size(); }
    Node& node(std::size_t i) { return *nodes_[i]; }
    env::sim::World& world() { return world_; }
    WriteHistory& history() { return history_; }

    void boot(Node& node);
    // SIGKILL of marsd and of everything else on the host.
    void kill(Node& node);
    void power_cut(Node& node);
    // Runs a verb of marsadm on a host to its end, while everything else goes on.
    // What happens to the first of several commands while it runs, or to its world.
    struct Trouble {
        enum class Kind { interrupt, kill, other };
        Duration at{};
        Kind kind = Kind::other;
        std::function<void()> other = {};
    };
    VerbResult run_verb(Node& node, std::vector<std::string> words, Duration limit = std::chrono::seconds(120));

    // The same verb on several hosts, each begun up to 0.2 s after the one before.
    std::vector<VerbResult> run_verbs(const std::vector<Node*>& nodes, std::vector<std::string> words,
                                      Duration limit = std::chrono::seconds(120),
                                      std::optional<Trouble> trouble = std::nullopt);
    // On how many hosts there was a device at the same moment, at most, while verbs were running.
    std::size_t most_devices() const { return most_devices_; }

    // The application: at most `workers` writes under way on each host that has the device.
    void start_application(Node& node);
    // Lets it close the device; true when it has.
    bool stop_application(Node& node);

    // The value of a key as host `node` has it on its disk; empty when absent or deleted.
    std::string link(const Node& node, const std::string& path) const;
    std::vector<Node*> hosts_with_device();

  private:
    struct Call;
    env::task<void> run_daemon(Node& node);
    env::task<void> application(Node& node);
    env::task<void> worker(Node& node, block::Device& device);
    env::task<void> write_once(block::Device& device);
    env::task<void> read_once(block::Device& device);
    void forget(Node& node);

    env::sim::World world_;
    std::size_t most_devices_ = 0;
    WriteHistory history_{kDiskBytes};
    std::vector<std::unique_ptr<Node>> nodes_;
};

} // namespace mars::sim
