// SPDX-License-Identifier: GPL-2.0-or-later
// FleetScreen: shows a person what a command does on many hosts. On a terminal one live line per host while it runs;
// then, for each host, in the order in which they end, what it said, each line behind its name; a summary at last.
// FleetJson: the same for programs, as one JSON document. Tests: tests/unit/shell/fleet_test.cpp.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "shell/fleet/fleet.hpp"
#include "shell/output.hpp"

namespace mars::shell {

class FleetScreen final : public FleetOutput {
  public:
    explicit FleetScreen(Output& output) : output_(output) {}

    void begin(const std::vector<RemoteHost>& hosts) override;
    void started(const std::string& host) override;
    void text(const std::string& host, RemoteStream stream, std::string_view piece) override;
    void ended(const FleetOutcome& outcome) override;
    void summary(const FleetResult& result) override;

  private:
    void draw();

    Output& output_;
    std::size_t width_ = 0;                   // of the longest name
    std::vector<std::string> waiting_;        // not begun yet
    std::vector<std::string> running_;        // in the order of their begin
    std::map<std::string, std::string> last_; // the last line of each that runs
    std::size_t good_ = 0;
    std::size_t bad_ = 0;
};

class FleetJson final : public FleetOutput {
  public:
    explicit FleetJson(Output& output) : output_(output) {}
    void summary(const FleetResult& result) override;

  private:
    Output& output_;
};

} // namespace mars::shell
