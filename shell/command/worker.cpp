// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/command/worker.hpp"

namespace mars::shell {

failure advised(const VerbContext& ctx, failure why) {
    const auto root = ctx.view().root();
    const bool is_full = why.is(std::errc::no_space_on_device) && why.text.find(root + "/") != std::string::npos;
    if (!is_full || why.text.find("next") != std::string::npos) return why;
    why.text = "host " + ctx.self() + ": " + why.text + "; next: make room (df -h " + root + "; df -i " + root +
               "; logs that nobody needs any more go by marsadm log-delete-all all), then give the command again";
    return why;
}

void report(Output& output, const VerbContext& ctx, const failure& why) {
    output.error(ctx.label(why.text) + " [" + std::string(reason_of(why).name) + "]");
}

void fail(Output& output, Worker& worker, const failure& why, int phase) {
    worker.failed = advised(worker.context, why);
    report(output, worker.context, *worker.failed);
    worker.context.drop_pending();
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
