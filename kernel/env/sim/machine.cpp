// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/env/sim/machine.hpp"

#include "kernel/env/sim/network.hpp"
#include "kernel/env/sim/sim_net.hpp"
#include "kernel/env/sim/sim_storage.hpp"

namespace mars::env::sim {

namespace {
constexpr std::int64_t kEpoch = 1'700'000'000; // where every simulation starts, in seconds
}

Machine::Machine(World& world, std::string name, std::string address)
    : world_(world), name_(std::move(name)), address_(std::move(address)), filesystem_(world, name_) {
    world_.network().move_in(address_, *this);
}

Machine::~Machine() = default;

std::unique_ptr<Process> Machine::start_process(const std::string& program) {
    is_on_ = true;
    world_.network().appear(address_);
    return std::make_unique<Process>(*this, program);
}

void Machine::end_all_processes() {
    for (auto* process : std::list<Process*>(processes_)) process->end(true);
}

void Machine::power_cut() {
    world_.trace(name_ + ": power cut");
    is_on_ = false;
    world_.network().vanish(address_);
    for (auto* process : std::list<Process*>(processes_)) process->end(false);
    filesystem_.power_cut();
}

void Machine::change_address(const std::string& address) {
    world_.trace(name_ + ": address " + address);
    world_.network().move_out(address_);
    address_ = address;
    world_.network().move_in(address_, *this);
}

void Machine::step_clock(Duration by) {
    clock_skew += by;
    world_.trace(name_ + ": clock stepped by " + std::to_string(by.count()) + " ns");
}

Stamp Machine::real_time() const {
    return Stamp{kEpoch, 0} + world_.now() + clock_skew;
}

class Process::SimClock final : public Clock {
  public:
    explicit SimClock(Process& process) : process_(process) {}

    Stamp now() const override { return process_.machine().real_time(); }
    Duration steady() const override { return process_.machine().world().now(); }

    task<void> sleep(Duration d) override {
        auto start = [this, d](const std::shared_ptr<Waiter<bool>>& waiter) {
            std::weak_ptr<Waiter<bool>> weak = waiter;
            auto wake = [weak] {
                if (auto strong = weak.lock()) strong->complete(true);
            };
            waiter->on_cancel = wake;
            process_.machine().world().after(std::max(d, Duration(0)), wake);
        };
        co_await park<bool>(process_.lot(), start);
    }

  private:
    Process& process_;
};

class Process::SimLog final : public Log {
  public:
    explicit SimLog(Process& process) : process_(process) {}
    void write(LogLevel level, std::string_view line) override {
        static constexpr std::string_view names[] = {"debug", "info", "warning", "error"};
        auto& world = process_.machine().world();
        const auto who = process_.hostname() + "/" + process_.program();
        world.trace(who + " " + std::string(names[static_cast<int>(level)]) + ": " + std::string(line));
        if (level == LogLevel::error && world.on_error) world.on_error(who, line);
    }

  private:
    Process& process_;
};

Process::Process(Machine& machine, std::string program)
    : machine_(machine), program_(std::move(program)), clock_(std::make_unique<SimClock>(*this)),
      log_(std::make_unique<SimLog>(*this)), storage_(make_storage(*this)), net_(make_net(*this)) {
    machine_.processes_.push_back(this);
}

Process::~Process() {
    if (!lot_.abandoned()) end(true);
    machine_.processes_.remove(this);
}

void Process::end(bool orderly) {
    if (lot_.abandoned()) return;
    machine_.world().trace(machine_.name() + "/" + program_ + (orderly ? ": ends" : ": vanishes"));
    lot_.abandon();
    machine_.world().network().process_ended(*this);
    machine_.world().settle(); // unwinds the coroutine frames
}

Clock& Process::clock() {
    (void)counted();
    return *clock_;
}
Storage& Process::storage() {
    (void)counted();
    return *storage_;
}
Net& Process::net() {
    (void)counted();
    return *net_;
}
Log& Process::log() {
    (void)counted();
    return *log_;
}

} // namespace mars::env::sim
