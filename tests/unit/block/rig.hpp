// SPDX-License-Identifier: GPL-2.0-or-later
// Rig: one simulated host for the tests of block devices. Its storage refuses unaligned direct I/O, as a real one does.
#pragma once

#include <catch2/catch.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernel/env/sim/machine.hpp"
#include "kernel/env/task_group.hpp"
#include "tests/unit/bytes.hpp"

namespace mars::test {

using namespace std::chrono_literals;

// The process's Env, but with a storage that checks what O_DIRECT demands.
class StrictEnv final : public env::Env {
  public:
    explicit StrictEnv(env::Env& inner);
    ~StrictEnv() override;

    env::executor get_executor() override { return inner_.get_executor(); }
    env::ParkingLot& lot() override { return inner_.lot(); }
    env::Clock& clock() override { return inner_.clock(); }
    env::Storage& storage() override;
    env::Net& net() override { return inner_.net(); }
    env::Random& random() override { return inner_.random(); }
    env::Log& log() override { return inner_.log(); }
    const std::string& hostname() const override { return inner_.hostname(); }

  private:
    env::Env& inner_;
    std::unique_ptr<env::Storage> storage_;
};

struct Rig {
    explicit Rig(std::uint64_t seed) : world(seed), machine(world.add_machine("alpha", "10.0.0.1")) { boot(); }
    ~Rig() { halt(); }

    void boot();
    // Kills the process; the page cache survives.
    void halt();
    // Runs `t` to its end; fails the test when that takes more than an hour of virtual time.
    void run(env::task<void> t);
    env::sim::SeededRandom& random() { return world.random(); }

    env::sim::World world;
    env::sim::Machine& machine;
    std::unique_ptr<env::sim::Process> process;
    std::unique_ptr<StrictEnv> env;
};

std::vector<std::byte> random_bytes(env::Random& random, std::size_t count);

} // namespace mars::test
