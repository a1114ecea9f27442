// SPDX-License-Identifier: GPL-2.0-or-later
// OperatorSurroundings: what the verbs of marsadm run on in the simulation; ssh starts marsadm on the other machine.
#pragma once

#include <string>
#include <vector>

#include "kernel/env/sim/machine.hpp"
#include "kernel/env/sim/network.hpp"
#include "shell/fleet/run_words.hpp"
#include "shell/verbs/verb_table.hpp"

namespace mars::sim {

class SimLocalHost final : public shell::LocalHost {
  public:
    SimLocalHost(env::sim::Process& process, env::sim::World& world) : process_(process), world_(world) {}

    bool is_root() const override { return true; }
    std::optional<std::string> address_towards(const std::string&) override { return process_.machine().address(); }
    std::optional<std::string> first_address() override { return process_.machine().address(); }
    env::task<std::optional<std::string>> resolve(std::string host) override;
    env::task<result<std::unique_ptr<shell::HeldLock>>> lock(std::string root) override;

  private:
    env::sim::Process& process_;
    env::sim::World& world_;
};

class SimRemote final : public shell::Remote {
  public:
    SimRemote(env::sim::Process& process, env::sim::World& world) : process_(process), world_(world) {}

    env::task<result<shell::RemoteResult>> run(shell::RemoteHost host, shell::RemoteOptions options,
                                               std::vector<std::string> argv, std::string input,
                                               Duration limit) override;

  private:
    env::sim::Process& process_;
    env::sim::World& world_;
};

struct OperatorSurroundings {
    OperatorSurroundings(env::sim::Process& process, env::sim::World& world)
        : local(process, world), remote(process, world), surroundings{process, local, remote, output, {}} {
        surroundings.verbs = &shell::built_in_verbs();
    }

    env::task<void> run(std::vector<std::string> words, int& exit, bool& done);

    SimLocalHost local;
    SimRemote remote;
    shell::RecordedOutput output;
    shell::Surroundings surroundings;
};

} // namespace mars::sim
