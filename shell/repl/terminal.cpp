// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/repl/terminal.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <readline/history.h>
#include <readline/readline.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>

#include "kernel/base/plain_text.hpp"

namespace mars::shell {

namespace {

Terminal* current = nullptr; // readline's callbacks have no argument
constexpr int kHistoryLines = 10'000;

} // namespace

Terminal::Terminal(env::Env& env, Interrupts& interrupts, Complete complete, std::string history)
    : input_(env.get_executor(), ::dup(STDIN_FILENO)), interrupts_(interrupts), complete_(std::move(complete)),
      history_(std::move(history)) {
    current = this;
    rl_readline_name = "marsadm";
    rl_catch_signals = 0; // ours
    rl_attempted_completion_function = completions;
    rl_completer_word_break_characters = " \t\n";
    rl_completer_quote_characters = "";
    using_history();
    stifle_history(kHistoryLines);
    if (!history_.empty()) read_plain_history();
}

void Terminal::read_plain_history() {
    read_history(history_.c_str());
    for (int i = 0; i < history_length; ++i) {
        const auto* entry = history_get(history_base + i);
        const auto line = plain_text(entry ? entry->line : "");
        if (!entry || line == entry->line) continue;
        auto* old = replace_history_entry(i, line.c_str(), nullptr);
        if (old) free_history_entry(old);
    }
}

Terminal::~Terminal() {
    if (!history_.empty()) {
        auto old_mask = ::umask(0077);
        if (auto slash = history_.rfind('/'); slash != std::string::npos)
            ::mkdir(history_.substr(0, slash).c_str(), 0700);
        write_history(history_.c_str());
        ::umask(old_mask);
    }
    current = nullptr;
}

void Terminal::take_line(char* line) {
    rl_callback_handler_remove();
    Input input;
    if (line) {
        input.kind = Kind::line;
        input.text = line;
        std::free(line);
    }
    current->entered_ = std::move(input);
}

env::task<Terminal::Input> Terminal::read_line(std::string prompt) {
    entered_.reset();
    Interrupts::Scope scope(interrupts_, [this](int signal) {
        if (entered_) return;
        Input input;
        input.kind = signal == SIGINT ? Kind::interrupted : Kind::end;
        entered_ = std::move(input);
        input_.cancel();
    });
    rl_callback_handler_install(prompt.c_str(), take_line);
    while (!entered_) {
        auto [error] = co_await input_.async_wait(env::asio::posix::stream_descriptor::wait_read,
                                                  env::asio::as_tuple(env::asio::use_awaitable));
        if (!entered_ && !error) rl_callback_read_char();
        if (error && !entered_) entered_ = Input();
    }
    if (entered_->kind == Kind::line) co_return *entered_;
    rl_free_line_state();
    rl_callback_sigcleanup();
    rl_callback_handler_remove();
    std::fputs(entered_->kind == Kind::interrupted ? "^C\n" : "\n", stdout);
    std::fflush(stdout);
    co_return *entered_;
}

void Terminal::remember(const std::string& text) {
    if (text.find_first_not_of(" \t\n") == std::string::npos) return;
    const auto* last = history_length > 0 ? history_get(history_base + history_length - 1) : nullptr;
    if (!last || text != last->line) add_history(text.c_str());
}

char* Terminal::next_completion(const char*, int state) {
    auto index = static_cast<std::size_t>(state);
    return index < current->found_.words.size() ? ::strdup(current->found_.words[index].c_str()) : nullptr;
}

char** Terminal::completions(const char* word, int start, int end) {
    rl_attempted_completion_over = 1; // no file names instead
    current->found_ = current->complete_(std::string_view(rl_line_buffer, static_cast<std::size_t>(end)));
    // readline's word begins at the last blank; ours may begin later, after "(" or "%".
    auto ours = current->found_.start;
    if (ours > static_cast<std::size_t>(start)) {
        std::string skipped(rl_line_buffer + start, ours - static_cast<std::size_t>(start));
        for (auto& candidate : current->found_.words) candidate.insert(0, skipped);
    }
    rl_completion_append_character = current->found_.ends_word ? ' ' : '\0';
    rl_completion_suppress_append = current->found_.ends_word ? 0 : 1;
    return rl_completion_matches(word, [](const char* text, int state) {
        static std::size_t next = 0;
        if (state == 0) next = 0;
        return next_completion(text, static_cast<int>(next++));
    });
}

} // namespace mars::shell
