// SPDX-License-Identifier: GPL-2.0-or-later
// Cluster: simulated hosts that run the real marsd and the real verbs of marsadm, with some resources, and
// applications that write to them wherever their devices are.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernel/env/sim/network.hpp"
#include "tests/sim/application.hpp"
#include "tests/sim/commands.hpp"
#include "tests/sim/plan.hpp"
#include "tests/sim/resource.hpp"

namespace mars::sim {

inline constexpr const char* kStateDirectory = "/state"; // not a part of pictures

class Cluster {
  public:
    Cluster(std::uint64_t seed, const Plan& plan, Story& story);
    ~Cluster();

    // Boots all hosts and makes cluster and resources with marsadm. Empty, or what went wrong.
    std::string set_up();

    std::size_t size() const { return nodes_.size(); }
    const std::vector<std::unique_ptr<Node>>& nodes() const { return nodes_; }
    Node& node(std::size_t i) { return *nodes_[i]; }
    Node* find(const std::string& host);
    const std::vector<std::unique_ptr<SimResource>>& resources() const { return resources_; }
    env::sim::World& world() { return world_; }
    Commands& commands() { return commands_; }
    // What an application has seen, and should not; empty: nothing.
    const std::string& wrong() const { return wrong_; }

    void boot(Node& node);
    // SIGKILL of marsd and of everything else on the host; or, with its applications, of marsd alone.
    void kill(Node& node);
    void kill_marsd(Node& node);
    void power_cut(Node& node);
    // SIGTERM: returns at once, marsd waits until nobody has a device open. is_up() says when it has ended.
    void begin_stop(Node& node);
    // All lines of a host are cut.
    void unplug(Node& node);

    void start_application(Node& node, SimResource& resource);
    void start_applications(); // those that do not run
    // Lets it close the device; true when it has.
    bool stop_application(Node& node, SimResource& resource);
    void make_applications_lazy(bool lazy) { application_.is_lazy = lazy; }

    // The value of a key as host `node` has it on its disk; empty when absent or deleted.
    std::string link(const Node& node, const std::string& path) const;
    std::vector<Node*> hosts_with_device(const SimResource& resource);
    void notice_devices(); // for SimResource::most_devices

  private:
    env::task<void> run_daemon(Node& node);
    void start_again(Node& node, const env::sim::Process* failed);
    env::task<void> stop_daemon(Node& node);
    void forget(Node& node);

    env::sim::World world_;
    std::string wrong_;
    std::vector<std::unique_ptr<SimResource>> resources_;
    std::vector<std::unique_ptr<Node>> nodes_;
    Application application_;
    Commands commands_;
    std::uint64_t memory_bytes_, rotate_bytes_;
};

} // namespace mars::sim
