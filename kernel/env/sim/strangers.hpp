// SPDX-License-Identifier: GPL-2.0-or-later
// Strangers: a program that calls ports which are not meant for it, as scanners, wrong clients and attackers do.
// Owns: its connections. Ends with its process: kill that before this object goes.
#pragma once

#include <cstdint>
#include <string>

#include "kernel/env/sim/machine.hpp"
#include "kernel/env/task_group.hpp"

namespace mars::env::sim {

enum class Manner {
    garbage,    // sends random bytes for as long as somebody takes them
    unfinished, // begins as an honest caller of this port did, and says no more in the middle of it
    huge,       // the same, with a number somewhere in it that is as large as can be, and goes on with more of that
    idle,       // says nothing
};

class Strangers {
  public:
    explicit Strangers(Process& process) : process_(process), calls_(process) {}

    // Makes `count` connections, keeps each for `span` or until the other side ends it, and then makes it again.
    void call(const Endpoint& to, Manner manner, std::size_t count, Duration span);
    bool is_quiet() const { return calls_.live() == 0; }
    std::uint64_t connected() const { return connected_; }
    std::uint64_t hung_up() const { return hung_up_; } // by the other side

  private:
    task<void> keep_calling(Endpoint to, Manner manner, Duration until);
    task<void> talk(Stream& stream, std::uint16_t port, Manner manner, Duration until);
    std::vector<std::byte> words(std::uint16_t port, Manner manner);

    Process& process_;
    TaskGroup calls_;
    std::uint64_t connected_ = 0;
    std::uint64_t hung_up_ = 0;
};

} // namespace mars::env::sim
