// SPDX-License-Identifier: GPL-2.0-or-later
// Interpreter: a Lua state with the table `mars`: scripts, the interactive shell and the plugins each have one. Verbs
// that it runs use the surroundings of whoever made it; what they print becomes results. Tests: tests/unit/lua/.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kernel/tree/disk_view.hpp"
#include "lua/machine.hpp"
#include "shell/command/context.hpp"
#include "shell/command/hooks.hpp"

namespace mars::lua {

// Listeners of one interpreter (mars.hook), after those of the surroundings.
class ScriptHooks final : public shell::Hooks {
  public:
    ScriptHooks(Machine& machine, shell::Hooks* others) : machine_(machine), others_(others) {}

    void add(std::string pattern, Reference function);
    bool listens(std::string_view name) override;
    env::task<result<void>> fire(shell::Event event) override;

  private:
    struct Listener {
        std::string pattern;
        Reference function;
    };
    Machine& machine_;
    shell::Hooks* others_;
    std::vector<std::unique_ptr<Listener>> listeners_;
};

class Interpreter {
  public:
    // `outer` must outlive it. `defaults`: options of all verbs, unless a call gives others.
    Interpreter(shell::Surroundings& outer, shell::Options defaults, MachineLimits limits = {});
    ~Interpreter();

    static Interpreter& of(lua_State* L);
    Machine& machine() { return machine_; }
    // What the verbs of this interpreter run on, but for the output.
    shell::Surroundings& surroundings() { return surroundings_; }
    const shell::Options& defaults() const { return defaults_; }
    // Not while a program runs.
    void set_defaults(shell::Options defaults);
    tree::DiskView& view() { return context_->view(); }
    // A context without verb, for what needs one: macros, host names.
    shell::VerbContext& context() { return *context_; }
    ScriptHooks& hooks() { return hooks_; }

    // Sets the global `arg` and adds the program's directory to package.path.
    result<void> set_arguments(const std::string& program, const std::vector<std::string>& arguments);
    // Runs a program to its end; the exit status. Failure: lua.error, sys.io.
    env::task<result<int>> run_file(std::string path, std::vector<std::string> arguments);
    // The same for a text; values of an expression are printed. `name`: as in messages, e.g. "=(-e)".
    env::task<result<int>> run_code(std::string code, std::string name);
    // Compiles onto the stack of `thread`, as expression if that is possible. `is_incomplete`: more lines are needed.
    result<void> compile(Thread& thread, const std::string& code, const std::string& name, bool& is_incomplete);
    // Calls what is on the thread's stack, and prints the results as `print` does, tables with their fields.
    env::task<result<void>> call_and_show(Thread& thread);

  private:
    shell::Surroundings& outer_;
    shell::Options defaults_;
    Machine machine_;
    ScriptHooks hooks_;
    shell::Surroundings surroundings_;
    shell::Request request_;
    std::unique_ptr<tree::DiskView> view_;
    std::unique_ptr<shell::VerbContext> context_;
};

// Pushes the table that a listener gets for `event`.
void push_event(lua_State* L, const shell::Event& event);
// What a listener has returned, of `count` values on the stack: nil or true is consent, false or nil, REASON a refusal.
result<void> verdict(lua_State* L, int count);

} // namespace mars::lua
