// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/repl/line_runner.hpp"

#include <sys/stat.h>

#include <algorithm>

#include "kernel/base/trim.hpp"
#include "lua/macro_access.hpp"
#include "shell/command/hosts.hpp"
#include "shell/fleet/run_words.hpp"
#include "shell/repl/line_words.hpp"
#include "shell/repl/system_command.hpp"
#include "shell/terminal/audience.hpp"

namespace mars::shell {

namespace {

constexpr Duration kWatchInterval = std::chrono::seconds(2);

// "lua CODE", but not "lua FILE.lua ARGS", which is the verb.
bool is_lua_line(std::string_view line) {
    if (!line.starts_with("lua") || (line.size() > 3 && line[3] != ' ' && line[3] != '\n')) return false;
    auto words = split_line(line);
    if (!words || words->size() < 2) return true;
    struct stat status {};
    return !((*words)[1].ends_with(".lua") && ::stat((*words)[1].c_str(), &status) == 0);
}

} // namespace

LineRunner::LineRunner(Surroundings& surroundings, Options options, bool interactive)
    : surroundings_(surroundings), options_(std::move(options)), interactive_(interactive) {}

LineRunner::~LineRunner() = default;

lua::Interpreter& LineRunner::interpreter() {
    if (interpreter_) return *interpreter_;
    interpreter_ = std::make_unique<lua::Interpreter>(surroundings_, options_);
    if (!interactive_)
        interpreter_->machine().end_when([&output = surroundings_.output] { return !output.reaches_reader(); },
                                         kNobodyReads);
    return *interpreter_;
}

bool LineRunner::only_tells(std::string_view line) {
    const auto text = trim(line);
    if (text.empty() || text.front() == '#' || text.front() == '%') return true;
    if (text.front() == '=' || text.front() == '!' || is_lua_line(text)) return false;
    const auto words = split_line(text);
    return !words || shell::only_tells(*words, options_, surroundings_.registry());
}

std::string LineRunner::resource() {
    if (!resource_.empty()) return resource_;
    auto& interpreter = this->interpreter();
    auto own = resources_of(interpreter.view(), interpreter.context().me());
    return own.size() == 1 ? own.front() : std::string();
}

LineOutcome LineRunner::fail(const failure& why) {
    surroundings_.output.error(where_ + why.text + " [" + std::string(reason_of(why).name) + "]");
    LineOutcome outcome;
    outcome.status = exit_code(reason_of(why).failure_class);
    return outcome;
}

env::task<LineOutcome> LineRunner::run(std::string line, std::string where) {
    where_ = where;
    auto text = trim(line);
    if (text.empty() || text.front() == '#') co_return LineOutcome();
    if (text.front() == '=') co_return co_await run_lua(std::string(text.substr(1)));
    if (is_lua_line(text)) co_return co_await run_lua(std::string(text.substr(3)));
    if (text.front() == '%') co_return run_macro(std::string(text));
    if (text.front() == '!') co_return run_system(std::string(trim(text.substr(1))));
    auto words = split_line(text);
    if (!words) co_return fail(words.error());
    const auto& first = words->front();
    LineOutcome leaving;
    leaving.leaves = true;
    if (first == "exit" || first == "quit") co_return leaving;
    if (first == "use") co_return choose(*words);
    if (first == "watch") co_return co_await run_watch(std::string(trim(text.substr(5))), where);
    if (first == "help" && words->size() == 1) surroundings_.output.answer(shell_help());
    bool only_options = std::all_of(words->begin(), words->end(), [](const auto& w) { return w.starts_with('-'); });
    if (only_options && first != "--help" && first != "--version" && first != "-h" && first != "-e")
        co_return set_options(*words);
    co_return co_await run_verb_line(std::move(*words));
}

env::task<LineOutcome> LineRunner::run_verb_line(std::vector<std::string> words) {
    LineOutcome outcome;
    if (words.front() == "shell") co_return fail(refusal("usage.verb", "this is the shell already"));
    auto result = co_await run_words(surroundings_, std::move(words), options_);
    outcome.status = result.exit;
    co_return outcome;
}

env::task<LineOutcome> LineRunner::run_lua(std::string code) {
    auto& lua = interpreter();
    LineOutcome outcome;
    lua::Thread thread(lua.machine());
    auto compiled = lua.compile(thread, code, "=lua", outcome.incomplete);
    if (outcome.incomplete) co_return outcome;
    if (!compiled) co_return fail(compiled.error());
    auto ran = co_await lua.call_and_show(thread);
    if (auto status = lua.machine().exit_status()) {
        outcome.status = *status;
        outcome.leaves = true;
        co_return outcome;
    }
    if (!ran) co_return fail(ran.error());
    co_return outcome;
}

LineOutcome LineRunner::run_macro(const std::string& text) {
    auto value = lua::evaluate_macro(interpreter(), text, resource());
    if (!value)
        return fail(has_reason(value.error(), "sys.root") ? value.error() : refusal("view.macro", value.error().text));
    if (value->ends_with('\n')) value->pop_back();
    surroundings_.output.answer(*value);
    return {};
}

LineOutcome LineRunner::run_system(const std::string& command) {
    LineOutcome outcome;
    outcome.status = run_system_command(command);
    if (outcome.status != 0)
        surroundings_.output.error(where_ + "the command ended with status " + std::to_string(outcome.status));
    return outcome;
}

LineOutcome LineRunner::set_options(const std::vector<std::string>& words) {
    auto changed = options_;
    for (const auto& word : words)
        if (auto applied = apply_option(changed, word); !applied) return fail(applied.error());
    options_ = std::move(changed);
    if (interpreter_) interpreter_->set_defaults(options_);
    return {};
}

LineOutcome LineRunner::choose(const std::vector<std::string>& words) {
    if (words.size() > 2) return fail(refusal("usage.arg", "use: one resource, or nothing to forget it"));
    auto name = words.size() == 2 ? words[1] : std::string();
    if (!name.empty() && !has_resource(interpreter().view(), name))
        return fail(refusal("res.missing", "there is no resource " + name));
    resource_ = name;
    return {};
}

// Draws what the line says again and again, whenever the tree changes or some time has passed.
env::task<LineOutcome> LineRunner::run_watch(std::string line, std::string where) {
    if (!interactive_) co_return fail(refusal("usage.verb", "watch needs a terminal"));
    if (line.empty() || line.starts_with("watch")) co_return fail(refusal("usage.arg", "watch: which line?"));
    while (true) {
        surroundings_.output.answer("\033[H\033[2Jwatch " + line + "   (Ctrl-C ends)");
        auto outcome = co_await run(line, where);
        if (outcome.status != 0 || outcome.leaves || outcome.incomplete) co_return outcome;
        auto& view = interpreter().view();
        std::vector<std::string> places{""};
        for (const auto& name : all_resources(view)) {
            const auto directory = tree::resource_dir(name);
            places.push_back(directory);
            for (const auto& host : hosts_of(view, name)) places.push_back(directory + "/actual-" + host);
        }
        auto start = interpreter().machine().env().clock().steady();
        auto changed = co_await view.wait_for_change(places, kWatchInterval);
        // Not faster than people read.
        auto spent = interpreter().machine().env().clock().steady() - start;
        if (!changed || spent < kWatchInterval / 4)
            co_await interpreter().machine().env().clock().sleep(kWatchInterval / 4);
    }
}

std::string shell_help() {
    return "Lines of this shell:\n"
           "  VERB ...            as on marsadm's command line; help VERB explains one\n"
           "  --OPTION ...        options for all later lines\n"
           "  %{...}              a macro; use RES chooses the resource it looks at\n"
           "  = ..., lua ...      Lua 5.4, also over several lines; the table mars has every verb\n"
           "  ! ...               a command of the system\n"
           "  @HOST @all @RES ... the rest of the line on these hosts, or on the members of a resource\n"
           "  watch LINE          draws LINE again when something changes, until Ctrl-C\n"
           "  use [RES]           the resource of macros\n"
           "  exit, quit          leaves, also Ctrl-D. Ctrl-C cancels what runs\n";
}

} // namespace mars::shell
