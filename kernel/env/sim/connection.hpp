// SPDX-License-Identifier: GPL-2.0-or-later
// Connection: one simulated TCP connection. Each direction is a pipe with a window; segments take the way's rate and
// latency and arrive in order. What is under way when nothing passes any more is sent again as soon as something does;
// after kStalled of that both ends give up, as TCP_USER_TIMEOUT and keepalive do. An end that is gone answers what
// arrives with a reset.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernel/env/parking.hpp"
#include "kernel/env/sim/world.hpp"

namespace mars::env::sim {

class Connection : public std::enable_shared_from_this<Connection> {
  public:
    // One of its two ends, by number: 0 has called, 1 was called.
    struct End {
        std::string address;
        bool is_closed = false; // by its program
        bool is_broken = false; // its program was told: reset, or timed out
        bool is_silent = false; // its machine lost power, or has another address now: neither hears nor says anything
        std::weak_ptr<Waiter<bool>> reader, writer;
    };

    Connection(World& world, Network& network, std::uint64_t number, std::string caller, std::string called,
               std::uint16_t port);

    const End& end(int side) const { return ends_[index(side)]; }
    std::uint64_t number() const { return number_; }
    std::uint16_t port() const { return port_; } // that was called
    bool joins(const std::string& a, const std::string& b) const;
    bool is_alive() const; // both ends work

    // For the program at end `side`.
    bool has_arrived(int side) const { return !pipe_to(side).arrived.empty(); }
    bool is_at_end(int side) const { return pipe_to(side).has_ended; }
    std::size_t take(int side, std::span<std::byte> into);
    std::size_t room(int side) const; // bytes that may be sent now
    void send(int side, std::span<const std::byte> data);
    void close(int side);
    std::weak_ptr<Waiter<bool>>& reader(int side) { return ends_[index(side)].reader; }
    std::weak_ptr<Waiter<bool>>& writer(int side) { return ends_[index(side)].writer; }

    // For the network.
    void look_again();         // ways were cut or healed
    void silence(int side);    // and what it has sent is lost
    void break_end(int side);  // it is told at once
    void break_both();         // a reset in both directions
    void forget(int side);     // this end is gone; the other one finds out when it says something, or asks
    void drop();               // from now on nothing passes, of this connection alone
    void answer_with_resets(); // the machine of a silent end runs again, and knows nothing

  private:
    // What is on its way from one end to the other.
    struct Pipe {
        std::deque<std::vector<std::byte>> under_way; // an empty one: the end
        std::size_t on_wire = 0;                      // of these, from the first on
        std::size_t in_flight = 0;                    // bytes in under_way
        std::size_t unacknowledged = 0;               // arrived, but the sender cannot know
        std::deque<std::byte> arrived;
        bool has_ended = false; // the end has arrived
        Duration last_arrival{0};
        std::uint64_t round = 0; // of sending; what an earlier one had on the wire is lost
    };

    static std::size_t index(int side) { return static_cast<std::size_t>(side); }
    Pipe& pipe_from(int side) { return pipes_[index(side)]; }
    const Pipe& pipe_from(int side) const { return pipes_[index(side)]; }
    Pipe& pipe_to(int side) { return pipes_[index(1 - side)]; }
    const Pipe& pipe_to(int side) const { return pipes_[index(1 - side)]; }
    bool is_stuck(int from) const;
    void pump(int from);
    void arrive(int from, std::uint64_t round);
    void reset_later(int side, Duration when);

    World& world_;
    Network& network_;
    std::uint64_t number_;
    std::uint16_t port_;
    std::array<End, 2> ends_;
    std::array<Pipe, 2> pipes_; // by the end that sends
    bool is_dropped_ = false;
    bool was_stuck_ = false;
    std::uint64_t turns_ = 0; // of stuck and not stuck
};

} // namespace mars::env::sim
