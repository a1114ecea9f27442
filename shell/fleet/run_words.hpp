// SPDX-License-Identifier: GPL-2.0-or-later
// What the one-shot program, the REPL, scripts and the simulation call for a line of words. Tests:
// tests/unit/shell/fleet_test.cpp, command_line_test.cpp.
#pragma once

#include <string>
#include <vector>

#include "shell/command/run.hpp"

namespace mars::shell {

// Parses, then runs here or, with @WHO in front, on those hosts. A usage error is reported as failures of verbs are.
env::task<RunResult> run_words(Surroundings& surroundings, std::vector<std::string> words, Options defaults);

} // namespace mars::shell
