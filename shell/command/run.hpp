// SPDX-License-Identifier: GPL-2.0-or-later
// run_verb: does what a request asks: start-up checks, expansion of the resources, and the phases of the verb, phase by
// phase over all resources. The same for the one-shot program, the REPL, scripts and the simulation.
// Spec: verbs 1.6 … 1.9, 1.17. Tests: tests/unit/shell/hooks_test.cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shell/command/context.hpp"

namespace mars::shell {

// How a verb ended for one resource (or as a whole, with an empty name).
struct ResourceOutcome {
    std::string resource;
    int phase = 0; // where it ended
    std::optional<failure> failed;
    std::vector<std::string> changed; // paths that were written
};

struct RunResult {
    int exit = 0; // verbs 1.9
    std::vector<ResourceOutcome> outcomes;
};

// Runs a parsed request. Everything is reported to surroundings.output, failures as errors with their reason in
// brackets. Cancellation interrupts the wait that is under way; what was written stays, and the outcome
// (verb.interrupted) tells what was done and what was not. Never throws.
env::task<RunResult> run_verb(Surroundings& surroundings, Request request);

} // namespace mars::shell
