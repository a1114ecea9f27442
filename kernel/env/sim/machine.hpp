// SPDX-License-Identifier: GPL-2.0-or-later
// Machine: one simulated host: its disks and filesystem (which survive), its clock, its processes (which do not). Its
// real time may be wrong by any amount and jump (clock_skew, step_clock()); steady time never does.
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
    // False from a power cut until a program is started again: nobody answers.
    bool is_on() const { return is_on_; }
    const std::list<Process*>& processes() const { return processes_; }

    // It gets another address. Its connections hear nothing any more; who listens, listens there.
    void change_address(const std::string& address);

    // Offset of this machine's real time to the world's.
    Duration clock_skew{0};
    // Somebody sets the clock, while programs run: real time jumps, by hours or days, forth or back.
    void step_clock(Duration by);
    Stamp real_time() const;

  private:
    friend class Process;
    World& world_;
    std::string name_;
    std::string address_;
    Filesystem filesystem_;
    std::list<Process*> processes_;
    bool is_on_ = true;
};

class Process final : public Env {
  public:
    Process(Machine& machine, std::string program);
    ~Process() override;

    executor get_executor() override { return counted().world().context().get_executor(); }
    ParkingLot& lot() override { return lot_; }
    Clock& clock() override;
    Storage& storage() override;
    Net& net() override;
    Random& random() override { return counted().world().random(); }
    Log& log() override;
    const std::string& hostname() const override { return machine_.name(); }

    Machine& machine() { return machine_; }
    const std::string& program() const { return program_; }
    // SIGKILL: nothing of it runs any more, its connections end, the page cache stays.
    // The objects that live on this Env must be destroyed after this and before the Process.
    void kill() { end(true); }
    bool is_dead() const { return lot_.abandoned(); }
    // How often it has gone through a door of its Env.
    std::uint64_t calls() const { return calls_; }

  private:
    friend class Machine;
    class SimClock;
    class SimLog;
    void end(bool orderly);
    Machine& counted() {
        ++calls_;
        machine_.world().count_call();
        return machine_;
    }

    Machine& machine_;
    std::string program_;
    std::uint64_t calls_ = 0;
    ParkingLot lot_;
    std::unique_ptr<SimClock> clock_;
    std::unique_ptr<SimLog> log_;
    std::unique_ptr<Storage> storage_;
    std::unique_ptr<Net> net_;
};

} // namespace mars::env::sim
