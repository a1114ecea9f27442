// SPDX-License-Identifier: GPL-2.0-or-later
// Network: simulated TCP between machines. Each direction of a connection is a pipe with the link's latency and
// bandwidth. A cut link holds what is under way (as retransmission does) until it is healed; a connection that makes no
// progress for kStalled is broken, as TCP_USER_TIMEOUT does. A machine that loses power just falls silent.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kernel/env/net.hpp"
#include "kernel/env/parking.hpp"
#include "kernel/env/sim/world.hpp"

namespace mars::env::sim {

class Machine;
class Process;
class SimStream;
class SimListener;

struct Link {
    Duration latency = std::chrono::milliseconds(1);
    std::uint64_t bytes_per_second = 100'000'000;
    bool cut = false;
    Duration busy_until{0};
    std::uint64_t bytes_carried = 0; // payload, both directions
};

class Network {
  public:
    explicit Network(World& world) : world_(world) {}

    // The link between two machines, by address, in either order; made on first use.
    Link& link(const std::string& a, const std::string& b);
    void cut(const std::string& a, const std::string& b);
    void heal(const std::string& a, const std::string& b);
    void heal_all();

    // The machine falls silent: its ends of all connections are gone, peers are not told.
    void vanish(const std::string& address);
    // The machine runs again: it answers what still arrives for its former connections with resets.
    void appear(const std::string& address);
    // The process's listeners close and its connections end orderly (the kernel does that).
    void process_ended(Process& process);

  private:
    friend class SimStream;
    friend class SimListener;
    friend class SimNet;

    World& world_;
    std::map<std::pair<std::string, std::string>, Link> links_;
    std::map<std::pair<std::string, std::uint16_t>, SimListener*> listeners_; // by (address, port)
    std::vector<std::weak_ptr<struct Pipe>> pipes_;
};

std::unique_ptr<Net> make_net(Process& process);

} // namespace mars::env::sim
