// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/ssh/remote_end.hpp"

#include <algorithm>

#include "kernel/base/split.hpp"
#include "shell/words/reason.hpp"

namespace mars::shell {

namespace {

constexpr std::size_t kMostOfLine = 200;

bool is_verb(const std::vector<std::string>& argv) {
    return !argv.empty() && argv[0] == "marsadm";
}

// Without what a terminal would take for commands.
std::string printable(std::string_view line) {
    std::string text(line.substr(0, kMostOfLine));
    std::replace_if(
        text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
    return text;
}

struct LastLines {
    std::string_view phase; // "phase 8: become primary"
    std::string_view last;
};

LastLines last_lines(std::string_view text) {
    LastLines found;
    while (!text.empty()) {
        const auto line = take_part(text, '\n');
        if (line.find_first_not_of(" \r") == std::string_view::npos) continue;
        found.last = line;
        if (line.starts_with("phase ")) found.phase = line;
    }
    return found;
}

} // namespace

bool is_own_end(const std::vector<std::string>& argv, int status) {
    if (status > 128) return false;
    return !is_verb(argv) || status != exit_code(reason_of(refusal("verb.interrupted", "")).failure_class);
}

std::string last_words(std::string_view output, std::string_view errors) {
    const auto done = last_lines(output), troubles = last_lines(errors);
    std::vector<std::string_view> lines;
    for (const auto& line : {done.phase, done.last, troubles.last})
        if (!line.empty() && std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(line);
    std::string text;
    for (const auto& line : lines) text += (text.empty() ? "; it said last there: '" : ", '") + printable(line) + "'";
    return text;
}

std::string_view unheard_course(const std::vector<std::string>& argv) {
    return is_verb(argv) ? "it gives back what it must, or, beyond its point of no return, goes on to its end"
                         : "if it does not end by itself, it is killed there";
}

} // namespace mars::shell
