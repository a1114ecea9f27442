// SPDX-License-Identifier: GPL-2.0-or-later
// Jobs that wait at the same time: on resources, hosts, or whatever a script names.
#pragma once

#include <string>
#include <vector>

#include "kernel/env/env.hpp"

namespace mars::shell {

struct Job {
    Job(std::string n, env::task<void> w) : name(std::move(n)), work(std::move(w)) {}
    std::string name; // in reports
    env::task<void> work;
};

// Runs all jobs, in their order, at most `most` (not 0) of them at the same time. Ends when all have ended; cancelled,
// when those that have begun have ended by their cancellation. What jobs refer to outlives this.
env::task<void> run_together(env::Env& env, std::vector<Job> jobs, std::size_t most);

} // namespace mars::shell
