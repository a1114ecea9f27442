// SPDX-License-Identifier: GPL-2.0-or-later
// Net of one simulated process: its streams and listeners on the world's network.
#pragma once

#include <deque>
#include <memory>

#include "kernel/env/event.hpp"
#include "kernel/env/net.hpp"

namespace mars::env::sim {

class Machine;
class Process;

class SimListener final : public Listener {
  public:
    SimListener(Process& process, Endpoint at);
    ~SimListener() override;

    task<result<std::unique_ptr<Stream>>> accept() override;
    Endpoint local() const override { return at_; }

    void withdraw(); // nobody can connect any more
    void offer(std::unique_ptr<Stream> stream);
    Process& process() { return process_; }

  private:
    Process& process_;
    Endpoint at_;
    Event event_;
    std::deque<std::unique_ptr<Stream>> waiting_;
};

std::unique_ptr<Net> make_net(Process& process);

} // namespace mars::env::sim
