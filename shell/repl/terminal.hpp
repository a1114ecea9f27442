// SPDX-License-Identifier: GPL-2.0-or-later
// Terminal: GNU readline on the event loop: while a line is being typed everything else goes on. One at a time, since
// readline has global state. History: ~/.marsadm/history. Tests: tests/shell/repl_test.py.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>

#include <functional>
#include <optional>
#include <string>

#include "kernel/env/env.hpp"
#include "shell/local/interrupts.hpp"
#include "shell/repl/completion.hpp"

namespace mars::shell {

class Terminal {
  public:
    using Complete = std::function<Completions(std::string_view line)>;

    // `history`: a file, empty for none.
    Terminal(env::Env& env, Interrupts& interrupts, Complete complete, std::string history);
    ~Terminal();
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    enum class Kind { line, interrupted, end };
    struct Input {
        Kind kind = Kind::end;
        std::string text;
    };
    // One line; `interrupted` after Ctrl-C, `end` after Ctrl-D or SIGTERM.
    env::task<Input> read_line(std::string prompt);
    // Remembers a command, which may have several lines.
    void remember(const std::string& text);

  private:
    void read_plain_history();
    static void take_line(char* line);
    static char** completions(const char* word, int start, int end);
    static char* next_completion(const char* word, int state);

    env::asio::posix::stream_descriptor input_;
    Interrupts& interrupts_;
    Complete complete_;
    std::string history_;
    std::optional<Input> entered_;
    Completions found_;
};

} // namespace mars::shell
