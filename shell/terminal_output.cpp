// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/terminal_output.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace mars::shell {

namespace {

void put(std::FILE* stream, std::string_view word, std::string_view text) {
    std::string line(word);
    line += text;
    line += '\n';
    std::fwrite(line.data(), 1, line.size(), stream);
    if (stream == stdout) std::fflush(stdout); // in order with stderr
}

} // namespace

void TerminalOutput::write(Severity severity, std::string_view text) {
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
