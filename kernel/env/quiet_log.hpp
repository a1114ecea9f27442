// SPDX-License-Identifier: GPL-2.0-or-later
// QuietLog: writes a line about one kind of event at most once a minute, so that a peer that misbehaves all the time
// cannot fill the host's log. The next line that is written tells how many were left out.
// One thread; memory is bounded. Tests: tests/unit/block/net_session_test.cpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "kernel/env/env.hpp"

namespace mars::env {

class QuietLog {
  public:
    explicit QuietLog(Env& env, Duration interval = std::chrono::minutes(1)) : env_(env), interval_(interval) {}

    // Writes `line` unless one with the same `key` was written less than the interval ago.
    void warning(const std::string& key, std::string_view line);

  private:
    struct Entry {
        Duration written{}; // steady time
        std::uint64_t left_out = 0;
    };
    void forget_old(Duration now);

    Env& env_;
    Duration interval_;
    std::map<std::string, Entry> entries_;
};

} // namespace mars::env
