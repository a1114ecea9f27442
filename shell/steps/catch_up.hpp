// SPDX-License-Identifier: GPL-2.0-or-later
// Catching up: before a planned handover stops the application, what it has written so far arrives here while it still
// runs, so that it is away only for what it writes last. Spec: verbs 4.17, with docs/architecture.md. Tests:
// tests/unit/shell/catch_up_test.cpp.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "shell/command/context.hpp"
#include "shell/command/verb.hpp"

namespace mars::shell {

// How far ME is behind, over time. All in bytes of logs.
class CatchUp {
  public:
    // Replayed here up to byte `pos` of log number `seq`; `known`: how long logs are said to be, by their numbers.
    // `at`: steady.
    void note(Duration at, std::int64_t seq, std::int64_t pos, const std::map<std::int64_t, std::int64_t>& known);
    // Less than what arrives in about one second, or all that was known a second ago is here.
    bool is_close() const;
    // What has arrived per second lately; nullopt: not known yet.
    std::optional<double> bytes_per_second() const;
    // What was written per second meanwhile.
    double written_per_second() const;
    std::int64_t rest() const { return looks_.empty() ? 0 : looks_.back().end - looks_.back().here; }

  private:
    struct Look {
        Duration at{};
        std::int64_t here = 0; // since the beginning of the first log that was seen
        std::int64_t end = 0;  // of what is known to have been written
    };
    std::map<std::int64_t, std::int64_t> lengths_; // of all logs ever seen: links of old ones go
    std::deque<Look> looks_;                       // of the last seconds, the newest is the last
};

// Phase 2: waits until this host is close behind the primary. Nothing without an application, and with --now.
env::task<result<Step>> primary_catch_up(VerbContext& ctx);
std::string catch_up_missing(VerbContext& ctx);
std::string catch_up_stuck(VerbContext& ctx);

} // namespace mars::shell
