// SPDX-License-Identifier: GPL-2.0-or-later
// OperatorSurroundings: what the verbs of marsadm run on in the simulation; ssh starts marsadm on the other machine.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kernel/env/sim/machine.hpp"
#include "kernel/env/sim/network.hpp"
#include "shell/fleet/run_words.hpp"
#include "shell/verbs/verb_table.hpp"

namespace mars::sim {

// What the calls of marsadm on all machines are known by, and which of them holds the lock of its machine's tree.
class Callers {
  public:
    using Holder = std::shared_ptr<int>;
    // nullptr: somebody has it.
    Holder take_lock(const env::sim::Machine& machine);

    std::string enter(const env::sim::Process& process);
    void leave(const std::string& identity) { processes_.erase(identity); }
    bool is_alive(std::string_view identity) const;

  private:
    std::map<const env::sim::Machine*, std::weak_ptr<int>> holders_;
    std::map<std::string, const env::sim::Process*> processes_;
    std::uint64_t next_ = 1;
};

class SimLocalHost final : public shell::LocalHost {
  public:
    SimLocalHost(env::sim::Process& process, env::sim::World& world, Callers& callers)
        : process_(process), world_(world), callers_(callers), identity_(callers.enter(process)) {}
    ~SimLocalHost() override { callers_.leave(identity_); }

    bool is_root() const override { return true; }
    std::optional<std::string> address_towards(const std::string&) override { return process_.machine().address(); }
    std::optional<std::string> first_address() override { return process_.machine().address(); }
    env::task<std::optional<std::string>> resolve(std::string host) override;
    std::string process_identity() const override { return identity_; }
    env::task<result<std::unique_ptr<shell::HeldLock>>> lock(std::string root) override;

  private:
    env::sim::Process& process_;
    env::sim::World& world_;
    Callers& callers_;
    std::string identity_;
};

class SimRemote final : public shell::Remote {
  public:
    SimRemote(env::sim::Process& process, env::sim::World& world, Callers& callers)
        : process_(process), world_(world), callers_(callers) {}

    env::task<result<shell::RemoteResult>> run(shell::RemoteHost host, shell::RemoteOptions options,
                                               std::vector<std::string> argv, std::string input,
                                               Duration limit) override;

  private:
    env::sim::Process& process_;
    env::sim::World& world_;
    Callers& callers_;
};

struct OperatorSurroundings {
    OperatorSurroundings(env::sim::Process& process, env::sim::World& world, Callers& callers)
        : local(process, world, callers),
          remote(process, world, callers), surroundings{process, local, remote, output, {}} {
        surroundings.verbs = &shell::built_in_verbs();
    }

    env::task<void> run(std::vector<std::string> words, int& exit, bool& done);

    SimLocalHost local;
    SimRemote remote;
    shell::RecordedOutput output;
    shell::Surroundings surroundings;
};

} // namespace mars::sim
