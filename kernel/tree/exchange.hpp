// SPDX-License-Identifier: GPL-2.0-or-later
// Exchange: keeps the trees of all members of the cluster equal, over port 7777. Full compare (directory digests) when
// a connection is made, afterwards only changes are pushed: O(changes), not O(tree). Runs on: the host's executor.
// Messages: docs/formats/exchange.md. Spec: symlink-tree 5.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernel/env/env.hpp"
#include "kernel/tree/tree.hpp"

namespace mars::tree {

struct ExchangeOptions {
    std::uint16_t port = 7777;
    Duration connect_timeout = std::chrono::seconds(5);
    Duration io_timeout = std::chrono::seconds(30); // network_io_timeout
    Duration keepalive = std::chrono::seconds(5);   // a silent connection is probed this often
    Duration retry_min = std::chrono::milliseconds(200);
    Duration retry_max = std::chrono::seconds(5); // with jitter
};

class Exchange {
  public:
    Exchange(env::Env& env, Tree& tree, ExchangeOptions options = {});
    ~Exchange();

    // Called when a host has connected to this one: it is up, perhaps again. Before start().
    void on_arrival(std::function<void(const std::string& host)> arrived);
    // Listens and connects to all members in ips/ (follows changes of ips/). Fails when the port cannot be bound.
    result<void> start();
    // Delivers what connected peers have not got yet (2 s at most), then ends all connections; must be awaited before
    // destruction.
    env::task<void> stop();

    struct PeerStatus {
        std::string host;
        bool connected = false;
        bool has_caught_up = false;            // everything it had when it connected is here
        std::string last_error;                // why not, or what it cannot store; else empty
        std::optional<Duration> last_received; // steady time of the last message; nullopt: there was none
    };
    std::vector<PeerStatus> peers() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace mars::tree
