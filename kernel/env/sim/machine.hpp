// SPDX-License-Identifier: GPL-2.0-or-later
// Machine: one simulated host: its disks and filesystem (which survive), its clock, its processes (which do not).
// Process: one program on a machine; the Env that marsd or a verb gets.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>

#include "kernel/env/env.hpp"
#include "kernel/env/sim/filesystem.hpp"
#include "kernel/env/sim/world.hpp"

namespace mars::env::sim {

class Process;

class Machine {
  public:
    Machine(World& world, std::string name, std::string address);
    ~Machine();

    World& world() { return world_; }
    const std::string& name() const { return name_; }
    const std::string& address() const { return address_; }
    Filesystem& filesystem() { return filesystem_; }

    // Starts a program. The caller owns it; ending one without kill() is a clean exit and wants no live tasks.
    std::unique_ptr<Process> start_process(const std::string& program);

    // Power cut: all processes vanish without a word to their peers, the filesystem loses or tears what was not synced.
    void power_cut();
    // Kills all processes; what they wrote stays in the page cache.
    void end_all_processes();

    // Offset of this machine's real time to the world's.
    Duration clock_skew{0};
    Stamp real_time() const;

  private:
    friend class Process;
    World& world_;
    std::string name_;
    std::string address_;
    Filesystem filesystem_;
    std::list<Process*> processes_;
};

class Process final : public Env {
  public:
    Process(Machine& machine, std::string program);
    ~Process() override;

    executor get_executor() override { return machine_.world().context().get_executor(); }
    ParkingLot& lot() override { return lot_; }
    Clock& clock() override;
    Storage& storage() override;
    Net& net() override;
    Random& random() override { return machine_.world().random(); }
    Log& log() override;
    const std::string& hostname() const override { return machine_.name(); }

    Machine& machine() { return machine_; }
    const std::string& program() const { return program_; }
    // SIGKILL: nothing of it runs any more, its connections end, the page cache stays.
    // The objects that live on this Env must be destroyed after this and before the Process.
    void kill() { end(true); }
    bool is_dead() const { return lot_.abandoned(); }

  private:
    friend class Machine;
    class SimClock;
    class SimLog;
    void end(bool orderly);

    Machine& machine_;
    std::string program_;
    ParkingLot lot_;
    std::unique_ptr<SimClock> clock_;
    std::unique_ptr<SimLog> log_;
    std::unique_ptr<Storage> storage_;
    std::unique_ptr<Net> net_;
};

} // namespace mars::env::sim
