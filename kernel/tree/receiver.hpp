// SPDX-License-Identifier: GPL-2.0-or-later
// Receiver: serves the connections that peers have made, and merges what they push into the tree.
// Runs on: the host's executor. Owns: these connections, at most one per member at work and kMaxGreeting before their
// hello. What comes in is not trusted before the hello has been checked against ips/ and uuid, and bounded always.
// Rules: exchange_shared.hpp. Format: docs/formats/exchange.md. Tests: tests/unit/tree/exchange_*.cpp.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "kernel/env/task_group.hpp"
#include "kernel/tree/exchange_shared.hpp"
#include "kernel/tree/frame_channel.hpp"

namespace mars::tree {

class Receiver {
  public:
    explicit Receiver(ExchangeShared& shared);
    ~Receiver();

    result<void> start();
    // Stops listening and ends all connections; must be awaited before destruction.
    env::task<void> stop();

    // Ends the connections of members that have left or moved, or whose uuid does not fit any more.
    void check_members();
    bool is_connected(const std::string& host) const { return sessions_.contains(host); }
    // True when all that `host` had when it connected has been merged.
    bool has_caught_up_with(const std::string& host) const;
    // True when `host` pushes to `peer` itself, as far as it has said. Rule 2.
    bool pushes_to(std::string_view host, const std::string& peer) const;
    std::optional<Duration> last_received(const std::string& host) const; // steady time

  private:
    struct Session;
    class Leave;

    env::task<void> accept_loop();
    env::task<void> serve(std::unique_ptr<env::Stream> stream);
    env::task<result<void>> greet(Session& session);
    result<void> admit(const ExchangeHello& hello, const std::string& address) const;
    void take_seat(std::shared_ptr<Session> session);
    env::task<result<void>> converse(Session& session);
    env::task<result<void>> handle(Session& session, const Frame& frame);
    env::task<result<void>> answer_compare(Session& session, const Frame& frame);
    env::task<result<void>> merge(Session& session, const Frame& frame);
    result<void> merge_one(Session& session, const KeyVersion& version);
    bool is_own_fact(const KeyVersion& version) const;
    result<void> defend(Session& session, const KeyVersion& version);
    void forget_own_facts(const std::string& resource);
    void after_applied(const KeyVersion& version, const std::optional<Link>& before);
    void note_time(Session& session, Stamp sent, bool is_complete);
    void set_peers(Session& session, const std::vector<std::string>& peers);
    void advance_clock(Session& session, Stamp sent);
    env::task<result<void>> send(Session& session, ExchangeMessage type, Bytes payload);
    env::task<void> refuse(Session& session, const failure& why);

    ExchangeShared& shared_;
    std::unique_ptr<env::Listener> listener_;
    std::map<std::string, std::shared_ptr<Session>, std::less<>> sessions_; // by host, greeted
    std::map<std::string, Duration> time_noted_;  // by host: steady time of the last read-stamp
    std::map<std::string, std::size_t> greeting_; // by address
    bool is_crowded(const std::string& address) const;
    env::TaskGroup group_;
};

} // namespace mars::tree
