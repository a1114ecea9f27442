// SPDX-License-Identifier: GPL-2.0-or-later
// Application: what runs on a host wherever it finds the device of a resource: opens it, writes with some concurrency,
// reads, and keeps account in the resource's history. When writes fail it gives up after some time, and tries again
// later with the device opened anew.
#pragma once

#include <string>

#include "tests/sim/resource.hpp"

namespace mars::sim {

class Application {
  public:
    // `wrong` is told about a read that shows what it must not, once. `burst_percent`: of the writes that come at once
    // after another.
    Application(env::sim::World& world, std::string& wrong, std::uint64_t burst_percent)
        : world_(world), wrong_(wrong), burst_percent_(burst_percent) {}

    // Lives as long as marsd on `node`.
    env::task<void> run(Node& node, SimResource& resource);

    bool is_lazy = false; // writes rarely: for times in which nothing else happens

  private:
    env::task<void> worker(Node& node, SimResource& resource, block::Device& device);
    env::task<bool> write_once(SimResource& resource, block::Device& device); // false: it has failed
    env::task<void> read_once(SimResource& resource, block::Device& device);

    env::sim::World& world_;
    std::string& wrong_;
    std::uint64_t burst_percent_;
};

} // namespace mars::sim
