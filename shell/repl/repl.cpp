// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/repl/repl.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>

#include "kernel/base/plain_text.hpp"
#include "kernel/base/split.hpp"
#include "kernel/env/task_group.hpp"
#include "shell/local/trust.hpp"
#include "shell/repl/line_runner.hpp"
#include "shell/repl/prompt.hpp"
#include "shell/repl/system_command.hpp"
#include "shell/repl/terminal.hpp"

namespace mars::shell {

namespace {

constexpr std::size_t kScriptBytes = std::size_t{64} << 20;

// Long answers go through the pager.
class PagedOutput final : public Output {
  public:
    explicit PagedOutput(Output& terminal) : terminal_(terminal) {}

    void write(Severity severity, std::string_view text) override {
        if (severity == Severity::answer && pages && is_long(text) && show_in_pager(std::string(text) + "\n")) return;
        terminal_.write(severity, text);
    }
    void live(const std::vector<std::string>& lines) override { terminal_.live(lines); }
    bool is_live() const override { return terminal_.is_live(); }
    void remark(std::string_view text) override { terminal_.remark(text); }
    bool takes_colours() const override { return terminal_.takes_colours(); }
    bool reaches_reader() const override { return terminal_.reaches_reader(); }
    std::size_t columns() const override { return terminal_.columns(); }

    bool pages = true;

  private:
    static bool is_long(std::string_view text) {
        winsize size{};
        if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row < 2) return false;
        return std::count(text.begin(), text.end(), '\n') + 2 > size.ws_row;
    }

    Output& terminal_;
};

// Runs one line so that signals cancel it, and not the shell.
env::task<LineOutcome> run_cancellable(LineRunner& runner, Interrupts& interrupts, std::string line,
                                       std::string where) {
    auto& env = runner.surroundings().env;
    auto& output = runner.surroundings().output;
    std::optional<LineOutcome> outcome;
    const bool tells = runner.only_tells(line);
    bool terminated = false;
    env::TaskGroup group(env);
    auto body = [](LineRunner& lines, std::string text, std::string place,
                   std::optional<LineOutcome>& out) -> env::task<void> {
        out.emplace(co_await lines.run(std::move(text), std::move(place)));
    };
    {
        Interrupts::Scope scope(interrupts, [&](int signal) {
            if (signal == SIGPIPE && !tells) return;
            terminated = terminated || (signal != SIGINT && signal != SIGPIPE);
            group.cancel();
        });
        group.spawn("line", body(runner, std::move(line), std::move(where), outcome));
        co_await group.join();
    }
    if (tells && !output.reaches_reader()) {
        outcome.emplace();
        outcome->leaves = true;
        outcome->status = kNobodyReads;
    }
    if (!outcome) {
        output.error("interrupted");
        outcome.emplace();
        outcome->status = exit_code(FailureClass::internal);
    }
    outcome->leaves = outcome->leaves || terminated;
    co_return std::move(*outcome);
}

// Read, and written when the shell ends. In a home of somebody else's (sudo may keep HOME) it could be a link to a file
// of the caller's, which would be overwritten: nothing is remembered there.
std::string history_file() {
    const char* home = std::getenv("HOME");
    if (!home || !*home) return {};
    const auto directory = std::string(home) + "/.marsadm";
    for (const auto& place : {std::string(home), directory, directory + "/history"})
        if (!may_use("history", place)) return {};
    return directory + "/history";
}

// Keys can be bound to whole lines, "!command" and all: of readline's file, too, only one that is trusted is read.
void guard_key_bindings() {
    const char* chosen = std::getenv("INPUTRC");
    const char* home = std::getenv("HOME");
    std::string file = chosen && *chosen ? chosen : home && *home ? std::string(home) + "/.inputrc" : std::string();
    if (!file.empty() && !may_use("file of key bindings", file)) ::setenv("INPUTRC", "/etc/inputrc", 1);
}

env::task<int> run_on_terminal(Surroundings surroundings, Options options, Interrupts& interrupts) {
    PagedOutput output(surroundings.output);
    auto paged = surroundings.with(output);
    LineRunner runner(paged, std::move(options), true);
    guard_key_bindings();
    Terminal terminal(
        surroundings.env, interrupts, [&](std::string_view line) { return complete(runner, line); }, history_file());
    output.hint("help lists what can be typed here; exit or Ctrl-D leaves");
    while (true) {
        auto input = co_await terminal.read_line(prompt(runner));
        if (input.kind == Terminal::Kind::end) co_return 0;
        if (input.kind == Terminal::Kind::interrupted) continue;
        auto text = input.text;
        LineOutcome outcome;
        while (true) {
            output.pages = text.find("watch") == std::string::npos;
            outcome = co_await run_cancellable(runner, interrupts, text, {});
            if (!outcome.incomplete) break;
            input = co_await terminal.read_line("  > ");
            if (input.kind != Terminal::Kind::line) break;
            text += "\n" + input.text;
        }
        terminal.remember(text);
        if (outcome.leaves) co_return outcome.status;
    }
}

// "FILE:LINE: ".
env::task<int> run_script(Surroundings& surroundings, Options options, Interrupts& interrupts, std::string name,
                          std::string text) {
    text = plain_text(text);
    LineRunner runner(surroundings, std::move(options), false);
    std::string pending;
    std::size_t number = 0;
    std::size_t first = 0;
    std::string_view rest = text;
    while (!rest.empty()) {
        auto line = take_part(rest, '\n');
        ++number;
        if (pending.empty()) first = number;
        pending += (pending.empty() ? "" : "\n") + std::string(line);
        auto where = name + ":" + std::to_string(first) + ": ";
        auto outcome = co_await run_cancellable(runner, interrupts, pending, where);
        if (outcome.incomplete && !rest.empty()) continue;
        if (outcome.incomplete) {
            surroundings.output.error(where + "the end of Lua is missing [lua.error]");
            co_return exit_code(FailureClass::usage);
        }
        if (outcome.leaves) co_return outcome.status;
        if (outcome.status != 0) {
            surroundings.output.error("stopped at " + name + ":" + std::to_string(first) + " with status " +
                                      std::to_string(outcome.status));
            co_return outcome.status;
        }
        pending.clear();
    }
    co_return 0;
}

result<std::string> read_stdin() {
    std::string all;
    std::string piece(65536, '\0');
    while (true) {
        auto count = ::read(STDIN_FILENO, piece.data(), piece.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return errno_failure(errno, "reading stdin");
        if (count == 0) return all;
        all.append(piece, 0, static_cast<std::size_t>(count));
        if (all.size() > kScriptBytes) return failure(std::errc::file_too_large, "stdin is too long for a script");
    }
}

} // namespace

env::task<result<int>> run_shell(Surroundings& surroundings, Options options, Interrupts& interrupts,
                                 std::string path) {
    if (path.empty() && ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1)
        co_return co_await run_on_terminal(surroundings, std::move(options), interrupts);
    if (path.empty() || path == "-") {
        MARS_CO_TRY(auto text, read_stdin());
        co_return co_await run_script(surroundings, std::move(options), interrupts, "stdin", std::move(text));
    }
    MARS_CO_TRY(auto text, surroundings.env.storage().read_file(path, kScriptBytes));
    co_return co_await run_script(surroundings, std::move(options), interrupts, path, std::move(text));
}

} // namespace mars::shell
