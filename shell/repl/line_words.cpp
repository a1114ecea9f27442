// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/repl/line_words.hpp"

#include "shell/words/reason.hpp"

namespace mars::shell {

namespace {

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// Appends what is between quotes; `i` is at the opening one, and at the closing one afterwards.
bool take_quoted(std::string_view line, std::size_t& i, std::string& word) {
    const char quote = line[i++];
    for (; i < line.size() && line[i] != quote; ++i) {
        bool escape =
            quote == '"' && line[i] == '\\' && i + 1 < line.size() && (line[i + 1] == '"' || line[i + 1] == '\\');
        if (escape) ++i;
        word += line[i];
    }
    return i < line.size();
}

} // namespace

result<std::vector<std::string>> split_line(std::string_view line) {
    std::vector<std::string> words;
    std::size_t i = 0;
    while (true) {
        while (i < line.size() && is_blank(line[i])) ++i;
        if (i == line.size() || line[i] == '#') return words;
        std::string word;
        for (; i < line.size() && !is_blank(line[i]); ++i) {
            if (line[i] == '\'' || line[i] == '"') {
                if (!take_quoted(line, i, word)) return refusal("usage.arg", "a quote is not closed");
            } else if (line[i] == '\\' && i + 1 < line.size()) {
                word += line[++i];
            } else {
                word += line[i];
            }
        }
        words.push_back(std::move(word));
    }
}

} // namespace mars::shell
