// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/terminal/terminal_output.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <syslog.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "kernel/base/number.hpp"
#include "kernel/base/result.hpp"

namespace mars::shell {

namespace {

std::size_t terminal_columns() {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 10) return size.ws_col;
    return 80;
}

bool is_a_terminal() {
    const char* kind = std::getenv("TERM");
    return ::isatty(STDOUT_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1 && kind && std::string_view(kind) != "dumb";
}

} // namespace

TerminalOutput::TerminalOutput() : is_live_(is_a_terminal()) {}

// Takes the live lines away, so that something else can be printed in their place.
void TerminalOutput::erase() {
    if (lines_.empty()) return;
    std::string up = "\r\033[" + std::to_string(lines_.size()) + "A\033[J";
    write_out(up);
}

// At once, so that it is in order with stderr.
void TerminalOutput::write_out(std::string_view text) {
    if (error_ == 0 && std::fflush(stdout) != 0) lose(errno); // readline's
    if (error_ != 0) return;
    const int error = out_.write(text, wait());
    if (error == ETIMEDOUT)
        stall();
    else if (error != 0)
        lose(error);
}

void TerminalOutput::write_error(std::string_view text) {
    if (err_.write(text, wait()) == ETIMEDOUT) stall(); // nobody could be told of the others
}

StreamWriter::Wait TerminalOutput::wait() const {
    return is_bounded_ && is_bounded_() ? StreamWriter::Wait::bounded : StreamWriter::Wait::for_ever;
}

void TerminalOutput::stall() {
    lines_.clear();
    has_stalled_ = true;
    if (has_syslog_) return;
    also_to_syslog();
    ::syslog(LOG_WARNING,
             "nobody takes what is printed (Ctrl-S, or a reader that does not read); expected within %d ms;"
             " the command goes on, and what it has to say stands here",
             static_cast<int>(StreamWriter::kBound.count()));
}

void TerminalOutput::lose(int error) {
    if (error_ != 0) return;
    error_ = error;
    lines_.clear();
    if (error != EPIPE)
        write(Severity::error, errno_failure(error, "cannot write to the standard output").text + " [sys.io]");
    if (on_lost_) on_lost_();
}

void TerminalOutput::close() {
    if (std::fflush(stdout) != 0) lose(errno);
    if (std::ferror(stdout) != 0) { // a program's own writes; which error it was is not kept
        pollfd state{STDOUT_FILENO, 0, 0};
        lose(::poll(&state, 1, 0) > 0 && (state.revents & POLLERR) != 0 ? EPIPE : EIO);
    }
    if (::close(STDOUT_FILENO) != 0 && errno != EINTR) lose(errno);
}

std::size_t TerminalOutput::columns() const {
    const char* wanted = std::getenv("COLUMNS");
    const auto number = parse_number<std::size_t>(wanted ? wanted : "");
    winsize size{};
    std::size_t width = Output::columns();
    if (number)
        width = *number;
    else if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
        width = size.ws_col;
    return width >= 20 ? width : Output::columns();
}

void TerminalOutput::draw() {
    if (lines_.empty()) return;
    const auto columns = terminal_columns() - 1;
    std::string all;
    for (const auto& line : lines_) all += line.substr(0, columns) + "\n";
    write_out(all);
}

void TerminalOutput::put(std::FILE* stream, std::string_view word, std::string_view text) {
    if (is_hushed_) return;
    erase();
    std::string line(word);
    line += text;
    line += '\n';
    if (stream == stdout)
        write_out(line);
    else
        write_error(line);
    draw();
}

void TerminalOutput::live(const std::vector<std::string>& lines) {
    if (!is_live_) return;
    erase();
    lines_ = lines;
    draw();
}

void TerminalOutput::remark(std::string_view text) {
    put(stderr, "", text);
}

void TerminalOutput::also_to_syslog() {
    if (std::exchange(has_syslog_, true)) return;
    ::openlog("marsadm", LOG_PID, LOG_DAEMON);
}

namespace {

int syslog_level(Severity severity) {
    if (severity == Severity::error) return LOG_ERR;
    return severity == Severity::warning ? LOG_WARNING : LOG_INFO;
}

} // namespace

// syslog comes last: only then it is known whether anybody has taken the text.
void TerminalOutput::write(Severity severity, std::string_view text) {
    has_stalled_ = false;
    show(severity, text);
    if (severity == Severity::answer) {
        if (has_stalled_) lose(ETIMEDOUT); // a part of an answer is none
    } else if (has_syslog_) {
        ::syslog(syslog_level(severity), "%.*s", static_cast<int>(text.size()), text.data());
    }
}

void TerminalOutput::show(Severity severity, std::string_view text) {
    switch (severity) {
    case Severity::answer:
    case Severity::info:
    case Severity::progress:
        return put(stdout, "", text);
    case Severity::hint:
        return put(stderr, "hint: ", text);
    case Severity::warning:
        return put(stderr, "warning: ", text);
    case Severity::error:
        return put(stderr, "error: ", text);
    }
}

bool TerminalOutput::takes_colours() const {
    const char* unwanted = std::getenv("NO_COLOR");
    const char* kind = std::getenv("TERM");
    bool dumb = !kind || std::string_view(kind).empty() || std::string_view(kind) == "dumb";
    return ::isatty(STDOUT_FILENO) == 1 && !dumb && !(unwanted && *unwanted);
}

} // namespace mars::shell
