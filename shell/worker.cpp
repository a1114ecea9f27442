// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/worker.hpp"

namespace mars::shell {

void report(Output& output, const VerbContext& ctx, const failure& why) {
    output.error(ctx.label(why.text) + " [" + std::string(reason_of(why).name) + "]");
}

void fail(Output& output, Worker& worker, const failure& why, int phase) {
    report(output, worker.context, why);
    worker.context.drop_pending();
    worker.failed = why;
    worker.phase = phase;
}

failure not_built(const Verb& verb) {
    return refusal("verb.nyi", "the verb " + std::string(verb.name) + " is not in this version" +
                                   (verb.doc.empty() ? "" : "; see " + std::string(verb.doc)));
}

RunResult summarize(const Workers& workers) {
    RunResult summary;
    std::size_t succeeded = 0;
    std::optional<int> own_status;
    for (auto& worker : workers) {
        succeeded += worker->failed && !worker->context.is_partly_done() ? 0 : 1;
        ResourceOutcome outcome;
        outcome.resource = worker->context.resource();
        outcome.phase = worker->phase;
        outcome.failed = worker->failed;
        outcome.changed = worker->context.changed();
        if (!worker->failed && worker->context.exit_status()) own_status = worker->context.exit_status();
        if (worker->failed && summary.exit == 0) summary.exit = exit_code(reason_of(*worker->failed).failure_class);
        summary.outcomes.push_back(std::move(outcome));
    }
    if (summary.exit != 0 && succeeded > 0) summary.exit = kExitMixed;
    if (summary.exit == 0 && own_status) summary.exit = *own_status;
    return summary;
}

} // namespace mars::shell
