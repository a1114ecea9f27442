// SPDX-License-Identifier: GPL-2.0-or-later
// World: a deterministic simulation of many machines in one thread. Virtual time, one seeded source of randomness, one
// queue of events ordered by (time, number). The same seed gives the same run, event by event; trace_digest() proves
// it. Method: everything that suspends parks in its process's ParkingLot, and the world completes it when its time has
// come; between two events all coroutines run until nothing is ready. A program that never waits (it runs in circles
// while everybody's time stands still) is a failure that names it. Tests: tests/unit/env/sim_*_test.cpp.
#pragma once

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/stamp.hpp"
#include "kernel/env/random.hpp"
#include "kernel/env/task.hpp"

namespace mars::env::sim {

class Machine;
class Process;
class Network;

// xoshiro256**, seeded by splitmix64. Source: Blackman & Vigna, "Scrambled linear pseudorandom number generators",
// 2021.
class SeededRandom final : public Random {
  public:
    explicit SeededRandom(std::uint64_t seed);
    std::uint64_t next() override;
    bool chance(std::uint64_t percent) { return below(100) < percent; }
    Duration between(Duration low, Duration high);

  private:
    std::uint64_t s_[4];
};

class World {
  public:
    explicit World(std::uint64_t seed);
    ~World();
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    // A machine with an empty disk; `address` is dotted IPv4. Lives as long as the world.
    Machine& add_machine(const std::string& name, const std::string& address);
    std::vector<Machine*> machines() const;

    Duration now() const { return now_; }
    // Runs `action` at virtual time `when` (not before now), after everything already due then.
    void at(Duration when, std::function<void()> action);
    void after(Duration delay, std::function<void()> action) { at(now_ + delay, std::move(action)); }

    // Runs until `done()` holds (true) or virtual time has advanced by `limit` or nothing is left to happen (false).
    bool run_until(const std::function<bool()>& done, Duration limit);
    void run_for(Duration span);
    // Runs what is ready now, without advancing time.
    void settle();

    // So many handlers may run, and so many calls of an Env may be made, while virtual time stands still.
    std::uint64_t most_handlers = 10'000;
    std::uint64_t most_calls = 2'000'000;
    // Told who ran when there were more handlers; then the world stands still for good: runs end at once, nothing is
    // due any more. Not set: panic, as for too many calls, which are made inside of one handler.
    std::function<void(const std::string& what)> on_storm;
    // Told of each line of level error in a program's log.
    std::function<void(const std::string& who, std::string_view line)> on_error;
    // A program calls its Env (each door that it goes through).
    void count_call() {
        if (++calls_ > most_calls) panic_of_calls();
    }

    SeededRandom& random() { return random_; }
    Network& network() { return *network_; }
    boost::asio::io_context& context() { return context_; }

    // Mixes a fact into the digest of the run; with print_trace set, also prints it.
    void trace(std::string_view what);
    std::uint64_t trace_digest() const { return digest_; }
    bool print_trace = false;

  private:
    bool step(Duration until);
    void begin_instant(Duration when);
    void storm();
    [[noreturn]] void panic_of_calls() const;
    std::vector<std::pair<Process*, std::uint64_t>> resumptions() const; // of all programs
    std::string who_ran() const;

    const std::uint64_t seed_;
    boost::asio::io_context context_{1};
    Duration now_{0};
    std::uint64_t next_number_ = 0;
    std::map<std::pair<Duration, std::uint64_t>, std::function<void()>> queue_;
    std::uint64_t handlers_ = 0;                             // in this instant
    std::uint64_t calls_ = 0;                                // in this instant
    std::vector<std::pair<Process*, std::uint64_t>> before_; // when half of most_handlers had run
    int storms_ = 0;
    SeededRandom random_;
    std::uint64_t digest_ = 0xcbf29ce484222325;
    std::vector<std::unique_ptr<Machine>> machines_;
    std::unique_ptr<Network> network_;
};

} // namespace mars::env::sim
