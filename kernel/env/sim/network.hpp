// SPDX-License-Identifier: GPL-2.0-or-later
// Network: simulated TCP between machines. Each pair of addresses has a link, each direction of it a way, with latency,
// rate, and cuts; connections (connection.hpp) of the same way overtake each other only where it has jitter. A machine
// that loses power just falls silent. Single connections can be reset, forgotten by one end, or stop to carry anything.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kernel/env/net.hpp"
#include "kernel/env/sim/world.hpp"

namespace mars::env::sim {

class Connection;
class Machine;
class Process;
class SimListener;

// One direction of a link.
struct Way {
    std::optional<Duration> latency;               // not set: the link's
    std::optional<std::uint64_t> bytes_per_second; // not set: the link's
    Duration jitter{0};                            // a segment takes up to so much longer
    bool is_cut = false;
    Duration busy_until{0};
};

struct Link {
    Duration latency = std::chrono::milliseconds(1);
    std::uint64_t bytes_per_second = 16'000'000;
    bool cut = false;                // both directions
    std::uint64_t bytes_carried = 0; // payload, both directions
    std::array<Way, 2> ways;         // the first one is that of the lower address
};

class Network {
  public:
    explicit Network(World& world) : world_(world) {}

    // The link between two machines, by address, in either order; made on first use.
    Link& link(const std::string& a, const std::string& b);
    Way& way(const std::string& from, const std::string& to);
    void cut(const std::string& a, const std::string& b);
    void heal(const std::string& a, const std::string& b); // both directions
    void heal_all();
    // What `from` says does not arrive any more; what `to` says does.
    void cut_way(const std::string& from, const std::string& to);
    void heal_way(const std::string& from, const std::string& to);
    bool is_cut(const std::string& from, const std::string& to);
    // A packet and its answer would arrive: there is such a machine, it is on, and no way is cut.
    bool is_reachable(const std::string& from, const std::string& to);
    Duration round_trip(const std::string& a, const std::string& b);

    // One connection between the two, by chance; false when there is none.
    enum class Loss {
        reset,     // both ends are told
        forgotten, // one end (by chance) is told; the other one when it says something, or asks after some time
        dropped,   // nobody is told, nothing passes any more
    };
    bool lose_connection(const std::string& a, const std::string& b, Loss how);
    std::size_t connections(const std::string& a, const std::string& b);
    // What the first caller of this port has said first, on whatever machine: for strangers who imitate it.
    const std::vector<std::byte>& overheard(std::uint16_t port) { return overheard_[port].words; }

    // The machine falls silent: its ends of all connections are gone, peers are not told.
    void vanish(const std::string& address);
    // The machine runs again: it answers what still arrives for its former connections with resets.
    void appear(const std::string& address);
    // The process's listeners close and its connections end orderly (the kernel does that).
    void process_ended(Process& process);
    // Which machine has the address.
    void move_in(const std::string& address, Machine& machine);
    void move_out(const std::string& address);

  private:
    friend class Connection;
    friend class SimListener;
    friend class SimNet;

    void overhear(const Connection& connection, std::span<const std::byte> said);
    // Puts `bytes` on the way; returns when they arrive.
    Duration carry(const std::string& from, const std::string& to, std::size_t bytes);
    std::shared_ptr<Connection> connect(const std::string& from, const std::string& to, std::uint16_t port);
    std::vector<std::shared_ptr<Connection>> between(const std::string& a, const std::string& b);
    std::vector<std::shared_ptr<Connection>> of(const std::string& address);

    World& world_;
    std::map<std::pair<std::string, std::string>, Link> links_;
    std::map<std::string, Machine*> machines_; // by address
    std::map<std::pair<Machine*, std::uint16_t>, SimListener*> listeners_;
    std::vector<std::weak_ptr<Connection>> connections_;
    std::uint64_t last_connection_ = 0;
    struct Overheard {
        std::uint64_t connection = 0; // its number
        std::vector<std::byte> words;
    };
    std::map<std::uint16_t, Overheard> overheard_; // by port
};

} // namespace mars::env::sim
