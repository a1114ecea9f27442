// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/terminal_output.hpp"

#include <sys/ioctl.h>
#include <syslog.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

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
    std::fwrite(up.data(), 1, up.size(), stdout);
    std::fflush(stdout);
}

void TerminalOutput::draw() {
    const auto columns = terminal_columns() - 1;
    std::string all;
    for (const auto& line : lines_) all += line.substr(0, columns) + "\n";
    std::fwrite(all.data(), 1, all.size(), stdout);
    std::fflush(stdout);
}

void TerminalOutput::put(std::FILE* stream, std::string_view word, std::string_view text) {
    erase();
    std::string line(word);
    line += text;
    line += '\n';
    std::fwrite(line.data(), 1, line.size(), stream);
    if (stream == stdout) std::fflush(stdout); // in order with stderr
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

void TerminalOutput::write(Severity severity, std::string_view text) {
    if (has_syslog_ && severity != Severity::answer)
        ::syslog(syslog_level(severity), "%.*s", static_cast<int>(text.size()), text.data());
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
