// SPDX-License-Identifier: GPL-2.0-or-later
// Worker: one resource (or the whole verb) on its way through the phases of a verb, with a view of its own: it may wait
// while others do. Owned by a run of the verb (run.cpp).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shell/command/context.hpp"
#include "shell/command/run.hpp"

namespace mars::shell {

struct Worker {
    Worker(Surroundings& surroundings, const Request& request, const std::vector<std::string>& all,
           const std::string& resource)
        : view(surroundings.env, request.options.root), context(surroundings, view, request, all, resource) {}

    tree::DiskView view;
    VerbContext context;
    std::optional<failure> failed;
    int phase = 0;
    bool is_satisfied = false; // in the current LOOP phase
};

using Workers = std::vector<std::unique_ptr<Worker>>;

// What has become of all of them, and the exit code that follows.
RunResult summarize(const Workers& workers);

// The failure, with what to do now when there is no room in the tree.
failure advised(const VerbContext& ctx, failure why);
// To the operator, with the reason's name.
void report(Output& output, const VerbContext& ctx, const failure& why);
// Ends the worker with `why` in `phase`: it is reported, and what was queued is dropped.
void fail(Output& output, Worker& worker, const failure& why, int phase);
failure not_built(const Verb& verb);

} // namespace mars::shell
