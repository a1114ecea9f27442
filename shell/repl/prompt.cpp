// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/repl/prompt.hpp"

#include "lua/macro_access.hpp"
#include "shell/command/hosts.hpp"

namespace mars::shell {

std::string health(LineRunner& runner) {
    auto& interpreter = runner.interpreter();
    auto& ctx = interpreter.context();
    if (!ctx.view().get("uuid")) return "no cluster";
    if (!ctx.is_marsd_running()) return "no marsd";
    for (const auto& resource : resources_of(ctx.view(), ctx.me())) {
        auto state = lua::view_macro(interpreter, "diskstate", resource);
        if (!state) continue;
        // What is old may not be so any more, and a primary whose members are silent replicates to nobody.
        for (const char* what : {"news-text", "silence-text"}) {
            const auto news = lua::view_macro(interpreter, what, resource);
            if (news && news->starts_with("no news"))
                return resource + ": " + news->substr(0, news->find_first_of(";\n"));
        }
        auto word = state->substr(0, state->find_first_of("[\n"));
        if (word != "UpToDate" && word != "OutDated" && word != "WriteBack") return resource + " " + word;
        for (const char* what : {"handover-state", "application-state"}) {
            const auto other = lua::view_macro(interpreter, what, resource);
            if (!other) continue;
            const auto name = other->substr(0, other->find('\n'));
            if (!name.empty() && name != "Running" && name != "Unknown") return resource + " " + name;
        }
    }
    return "ok";
}

std::string prompt(LineRunner& runner) {
    return runner.interpreter().context().me() + " " + health(runner) + "> ";
}

} // namespace mars::shell
