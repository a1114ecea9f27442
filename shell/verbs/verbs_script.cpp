// SPDX-License-Identifier: GPL-2.0-or-later
// The shell itself as verbs: interactive, scripts in Lua, and plugins. What they do lives behind scripting.hpp.
// Tests: tests/unit/lua/, tests/shell/repl_test.py.
#include "shell/command/scripting.hpp"
#include "shell/verbs/verb_table.hpp"

#include "shell/command/context.hpp"

namespace mars::shell {

namespace {

result<Scripting*> scripting_of(VerbContext& ctx) {
    auto* scripting = ctx.surroundings().scripting;
    if (!scripting) return refusal("verb.nyi", ctx.request().spelling + " is not possible inside of this program");
    return scripting;
}

env::task<result<Step>> shell_verb(VerbContext& ctx) {
    MARS_CO_TRY(auto* scripting, scripting_of(ctx));
    MARS_CO_TRY(int status, co_await scripting->run_shell(ctx, ctx.argument(0)));
    ctx.exit_with(status);
    co_return Step::done;
}

std::vector<std::string> further_words(const VerbContext& ctx) {
    const auto& all = ctx.request().arguments;
    return {all.begin() + 1, all.end()};
}

env::task<result<Step>> lua_verb(VerbContext& ctx) {
    MARS_CO_TRY(auto* scripting, scripting_of(ctx));
    MARS_CO_TRY(int status, co_await scripting->run_file(ctx, ctx.argument(0), further_words(ctx)));
    ctx.exit_with(status);
    co_return Step::done;
}

env::task<result<Step>> lua_code(VerbContext& ctx) {
    MARS_CO_TRY(auto* scripting, scripting_of(ctx));
    MARS_CO_TRY(int status, co_await scripting->run_code(ctx, ctx.argument(0), further_words(ctx)));
    ctx.exit_with(status);
    co_return Step::done;
}

std::string plugin_text(const PluginReport& plugin) {
    std::string text = (plugin.name.empty() ? "?" : plugin.name) + " " + plugin.version + " (" + plugin.directory + ")";
    if (!plugin.summary.empty()) text += "\n    " + plugin.summary;
    for (const auto& offer : plugin.offers) text += "\n    " + offer;
    if (!plugin.trouble.empty()) text += "\n    NOT USED: " + plugin.trouble;
    return text;
}

env::task<result<Step>> plugins_list(VerbContext& ctx) {
    MARS_CO_TRY(auto* scripting, scripting_of(ctx));
    auto all = scripting->plugins();
    for (const auto& plugin : all) ctx.out().answer(plugin_text(plugin));
    if (all.empty()) ctx.out().hint("no plugins are installed");
    co_return Step::done;
}

// Without a directory: everything on the search path.
env::task<result<Step>> plugins_check(VerbContext& ctx) {
    MARS_CO_TRY(auto* scripting, scripting_of(ctx));
    std::vector<std::string> directories = ctx.request().arguments;
    if (!directories.empty()) directories.erase(directories.begin());
    if (directories.empty())
        for (const auto& plugin : scripting->plugins()) directories.push_back(plugin.directory);
    std::string trouble;
    for (const auto& directory : directories) {
        auto report = scripting->check_plugin(ctx, directory);
        ctx.out().answer(plugin_text(report));
        if (!report.trouble.empty()) trouble += (trouble.empty() ? "" : "\n") + directory + ": " + report.trouble;
    }
    if (!trouble.empty()) co_return refusal("plugin.broken", trouble);
    co_return Step::done;
}

env::task<result<Step>> plugins_verb(VerbContext& ctx) {
    const auto& what = ctx.argument(0);
    if (what == "list") co_return co_await plugins_list(ctx);
    if (what == "check") co_return co_await plugins_check(ctx);
    co_return refusal("usage.arg", "plugins: expected list or check, found '" + what + "'");
}

env::task<result<Step>> watch_state(VerbContext& ctx) {
    MARS_CO_TRY(auto* scripting, scripting_of(ctx));
    MARS_CO_TRY_VOID(co_await scripting->watch_state(ctx));
    co_return Step::done;
}

env::task<result<Step>> help_lua(VerbContext& ctx) {
    MARS_CO_TRY(auto* scripting, scripting_of(ctx));
    auto format = ctx.argument(0).empty() ? "text" : ctx.argument(0);
    if (format != "text" && format != "man")
        co_return refusal("usage.arg", "help-lua: expected text or man, found '" + format + "'");
    ctx.out().answer_text(scripting->lua_reference(format));
    co_return Step::done;
}

constexpr unsigned kOutside = kReads | kInformational | kNoUuid | kAnyUser | kNoTree;

} // namespace

const std::vector<Verb>& script_verbs() {
    static const std::vector<Verb> verbs = {
        {.name = "shell",
         .aliases = {},
         .family = Family::script,
         .resource = ResourceArgument::none,
         .arguments = {{"FILE", ArgumentType::text, false, false, "commands, one per line; - for stdin"}},
         .flags = kOutside | kRunsOthers,
         .phases = {{.number = 1, .title = "", .run = shell_verb}},
         .summary = "The interactive shell; marsadm without arguments starts it on a terminal.",
         .doc = "Lines are verbs as on the command line. % begins a macro, = or lua begins Lua, ! a system command, "
                "@host, @all or @RES runs the rest of the line there. help inside tells more. From a FILE or a pipe it "
                "ends at the first error, with its line number and status.",
         .errors = {"sys.io"}},
        {.name = "lua",
         .aliases = {},
         .family = Family::script,
         .resource = ResourceArgument::none,
         .arguments = {{"FILE", ArgumentType::text, true, false, "a program in Lua 5.4"},
                       {"ARG", ArgumentType::text, false, true, "for the program: arg[1], arg[2], ..."}},
         .flags = kOutside | kPassesWords | kRunsOthers,
         .phases = {{.number = 1, .title = "", .run = lua_verb}},
         .summary = "Runs a program in Lua, in which every verb is a function.",
         .doc = "mars.primary(\"mydata\", {timeout=60}) returns a table, or nil, message and reason. All functions: "
                "marsadm help-lua. Options after FILE belong to the program. Its status is 0, what it gives to "
                "os.exit, or 1 after an error.",
         .errors = {"lua.error", "sys.io"}},
        {.name = "lua-code",
         .aliases = {},
         .family = Family::script,
         .resource = ResourceArgument::none,
         .arguments = {{"CODE", ArgumentType::text, true, false, "statements in Lua, or one expression"},
                       {"ARG", ArgumentType::text, false, true, "for the program: arg[1], arg[2], ..."}},
         .flags = kOutside | kPassesWords | kRunsOthers,
         .phases = {{.number = 1, .title = "", .run = lua_code}},
         .summary = "Runs CODE in Lua; the same as marsadm -e CODE.",
         .doc = "The value of an expression is printed.",
         .errors = {"lua.error"}},
        {.name = "plugins",
         .aliases = {},
         .family = Family::script,
         .resource = ResourceArgument::none,
         .arguments = {{"list|check", ArgumentType::text, true, false, "what to do"},
                       {"DIR", ArgumentType::text, false, true, "for check: only these plugins"}},
         .flags = kOutside,
         .phases = {{.number = 1, .title = "", .run = plugins_verb}},
         .summary = "Lists plugins and what they add, or loads them completely to find mistakes.",
         .doc = "Plugins are directories with a plugin.lua below plugins/ in $HOME/.marsadm, /etc/marsadm, "
                "/usr/lib/marsadm, or in the directories of $MARS_PATH. Files that others than root and the calling "
                "user may change are never loaded.",
         .errors = {"plugin.broken"}},
        {.name = "watch-state",
         .aliases = {},
         .family = Family::script,
         .resource = ResourceArgument::none,
         .arguments = {},
         .options = {"window"},
         .flags = kReads | kInformational | kNoUuid | kEndless,
         .phases = {{.number = 1, .title = "", .run = watch_state}},
         .summary = "Tells plugins of every change of state, until it is interrupted.",
         .doc = "Follows disk state, replication state, role and primary of all resources, and whether hosts are heard "
                "of; each change is an event state.WHAT. Meant to run as a service, e.g. for the plugin notify.",
         .errors = {}},
        {.name = "help-lua",
         .aliases = {},
         .family = Family::script,
         .level = kInternal,
         .resource = ResourceArgument::none,
         .arguments = {{"text|man", ArgumentType::text, false, false, "the format; text is the default"}},
         .flags = kOutside,
         .phases = {{.number = 1, .title = "", .run = help_lua}},
         .summary = "Prints the reference of the Lua functions.",
         .doc = "It is made from the table of functions.",
         .errors = {}},
    };
    return verbs;
}

} // namespace mars::shell
