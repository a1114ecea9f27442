// SPDX-License-Identifier: GPL-2.0-or-later
// LineRunner: does what one line of the shell says, the same for a terminal, a file and a pipe. It keeps what lasts
// from line to line: options, the chosen resource, and the Lua state (made by the first line that needs it).
// Tests: tests/shell/repl_test.py.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "lua/interpreter.hpp"
#include "shell/command/context.hpp"

namespace mars::shell {

struct LineOutcome {
    int status = 0;          // verbs 1.9
    bool incomplete = false; // Lua that goes on: call again with the next line appended
    bool leaves = false;     // exit: with this status
};

class LineRunner {
  public:
    // `surroundings` outlives it. `interactive`: watch and system commands may use the terminal.
    LineRunner(Surroundings& surroundings, Options options, bool interactive);
    ~LineRunner();

    // Errors are printed, with `where` in front ("file:3: ") unless it is empty. Cancellable.
    env::task<LineOutcome> run(std::string line, std::string where);

    // Nothing is lost when this line is cut off because nobody reads what it prints. Lua finds out itself.
    bool only_tells(std::string_view line);

    lua::Interpreter& interpreter();
    bool has_lua() const { return interpreter_ != nullptr; }
    Surroundings& surroundings() { return surroundings_; }
    const Options& options() const { return options_; }
    // The resource of macros: the chosen one, else the only one of this host; may be empty.
    std::string resource();

  private:
    env::task<LineOutcome> run_lua(std::string code);
    env::task<LineOutcome> run_watch(std::string line, std::string where);
    env::task<LineOutcome> run_verb_line(std::vector<std::string> words);
    LineOutcome run_macro(const std::string& text);
    LineOutcome run_system(const std::string& command);
    LineOutcome set_options(const std::vector<std::string>& words);
    LineOutcome choose(const std::vector<std::string>& words);
    LineOutcome fail(const failure& why);

    Surroundings& surroundings_;
    Options options_;
    bool interactive_;
    std::string resource_;
    std::string where_; // of the line at work
    std::unique_ptr<lua::Interpreter> interpreter_;
};

// What `help` says about lines, before the verbs.
std::string shell_help();

} // namespace mars::shell
