// SPDX-License-Identifier: GPL-2.0-or-later
// Verbs that people try because DRBD has them. They never touch the tree. Spec: verbs 3.8, 4.41.
#include "shell/verbs/verb_table.hpp"

#include "shell/command/context.hpp"

namespace mars::shell {

namespace {

env::task<result<Step>> explain_habit(VerbContext& ctx) {
    ctx.out().info(ctx.label(ctx.request().spelling + ": " + std::string(ctx.request().verb->doc)));
    co_return Step::done;
}

env::task<result<Step>> forbid(VerbContext& ctx) {
    co_return refusal("verb.forbidden", ctx.request().spelling + ": " + std::string(ctx.request().verb->doc));
}

Verb row(std::vector<std::string_view> names, PhaseFunction run, std::string_view doc) {
    auto name = names.front();
    names.erase(names.begin());
    return {.name = name,
            .aliases = std::move(names),
            .family = Family::view,
            .level = kDeprecated,
            .resource = ResourceArgument::optional,
            .arguments = {},
            .flags = kReads,
            .phases = {{.number = 1, .title = "", .run = run}},
            .summary = "A habit from DRBD.",
            .doc = doc};
}

} // namespace

const std::vector<Verb>& habit_verbs() {
    static const std::vector<Verb> verbs = {
        row({"adjust", "syncer", "check-resize", "get-gi", "show-gi", "outdate", "hidden-commands"}, explain_habit,
            "There is nothing to do for this with MARS."),
        row({"create-md", "dump-md", "dump", "new-current-uuid"}, explain_habit,
            "MARS keeps no meta data on the disk, so this makes no sense."),
        row({"invalidate-remote"}, forbid, "This would hit too many hosts; use invalidate with --host=NAME."),
        row({"verify"}, forbid, "Use invalidate, which compares and repairs."),
        row({"cstate"}, forbid, "Use view-cstate or view."),
        row({"dstate"}, forbid, "Use view-dstate or view."),
        row({"status"}, forbid, "Use view-status or view."),
    };
    return verbs;
}

} // namespace mars::shell
