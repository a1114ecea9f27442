// SPDX-License-Identifier: GPL-2.0-or-later
// Env: everything that one host can do to the outside world. marsd and the verbs of marsadm get one and use nothing
// else, so that the same code runs on real machines (env/real) and in the deterministic simulation (env/sim). One
// thread per Env; nothing here is thread-safe.
#pragma once

#include <optional>
#include <string>

#include "kernel/env/clock.hpp"
#include "kernel/env/event.hpp"
#include "kernel/env/log.hpp"
#include "kernel/env/net.hpp"
#include "kernel/env/parking.hpp"
#include "kernel/env/random.hpp"
#include "kernel/env/storage.hpp"
#include "kernel/env/task.hpp"

namespace mars::env {

class Env {
  public:
    virtual ~Env() = default;

    virtual executor get_executor() = 0;
    virtual ParkingLot& lot() = 0;
    virtual Clock& clock() = 0;
    virtual Storage& storage() = 0;
    virtual Net& net() = 0;
    virtual Random& random() = 0;
    virtual Log& log() = 0;
    // The nodename (`uname -n`).
    virtual const std::string& hostname() const = 0;
};

// Waits for `event`, at most for `limit`. True when notified (or cancelled), false when the time ran out.
task<bool> wait_for(Env& env, Event& event, Duration limit);

} // namespace mars::env
