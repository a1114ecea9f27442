// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/terminal/colours.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace mars::shell {

namespace {

constexpr std::string_view kGreen = "\x1b[32m", kYellow = "\x1b[33m", kRed = "\x1b[1;31m", kBold = "\x1b[1m",
                           kReverse = "\x1b[7m", kPlain = "\x1b[0m";

struct Word {
    std::string_view word; // whole, up to a blank, bracket or the end
    std::string_view colour;
};

constexpr auto kWords = std::to_array<Word>({
    {"UpToDate", kGreen},
    {"Uptodate", kGreen},
    {"Replicating", kGreen},
    {"Replaying", kGreen},
    {"Primary", kBold},
    {"OutDated", kYellow},
    {"Outdated", kYellow},
    {"WriteBack", kYellow},
    {"Recovery", kYellow},
    {"Syncing", kYellow},
    {"PausedSync", kYellow},
    {"PausedFetch", kYellow},
    {"PausedReplay", kYellow},
    {"Detaching", kYellow},
    {"Detached", kYellow},
    {"NotStarted", kYellow},
    {"NotJoined", kYellow},
    {"NotYetPrimary", kYellow},
    {"RemainsPrimary", kYellow},
    {"NoPrimaryDesignated", kYellow},
    {"NoAttach", kRed},
    {"NotPresent", kRed},
    {"InConsistent", kRed},
    {"Inconsistent", kRed},
    {"Orphan", kRed},
    {"EmergencyMode", kRed},
    {"ForcedPrimary", kRed},
    {"PrimaryUnreachable", kRed},
    {"SecondaryUnreachable", kRed},
    {"HandoverUnfinished", kRed},
    {"WantedNotRunning", kRed},
    {"WantedElsewhere", kRed},
    {"UnResponsive", kRed},
    {"ModuleNotLoaded", kRed},
    {"IncompleteLog", kRed},
    {"UnInitializedLogRecord", kRed},
    {"DefectiveLog", kRed},
    {"FATALS", kRed},
    {"ERRORS", kRed},
    {"WARNINGS", kYellow},
    {"HANGING", kRed},
});

bool is_blank(char c) {
    return c == ' ' || c == '\n' || c == '\t';
}

std::string_view colour_of(std::string_view word) {
    if (word.ends_with("[no")) return kYellow; // "UpToDate[no news of hostA …]"
    word = word.substr(0, word.find('['));
    if (word.starts_with("DISK_ERROR=") || word.starts_with("DEVICE_ERROR=") || word == "FAILURE") return kRed;
    auto row = std::find_if(kWords.begin(), kWords.end(), [&](const Word& known) { return known.word == word; });
    return row == kWords.end() ? std::string_view() : row->colour;
}

void append_marked(std::string& out, std::string_view word, std::string_view mark) {
    if (mark.empty() || word.empty())
        out += word;
    else
        out.append(mark).append(word).append(kPlain);
}

std::vector<std::string_view> pieces(std::string_view text, char separator) {
    std::vector<std::string_view> all;
    while (!text.empty()) {
        auto end = text.find(separator);
        all.push_back(text.substr(0, end));
        text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    }
    return all;
}

} // namespace

std::string coloured(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        std::size_t blanks = 0;
        while (blanks < text.size() && is_blank(text[blanks])) ++blanks;
        out += text.substr(0, blanks);
        text.remove_prefix(blanks);
        std::size_t length = 0;
        while (length < text.size() && !is_blank(text[length])) ++length;
        auto word = text.substr(0, length);
        append_marked(out, word, colour_of(word));
        text.remove_prefix(length);
    }
    return out;
}

std::string with_changes(std::string_view before, std::string_view now) {
    auto old_lines = pieces(before, '\n'), lines = pieces(now, '\n');
    std::string out;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        auto words = pieces(lines[i], ' ');
        auto old_words = i < old_lines.size() ? pieces(old_lines[i], ' ') : std::vector<std::string_view>();
        for (std::size_t j = 0; j < words.size(); ++j) {
            bool same = j < old_words.size() && old_words[j] == words[j];
            if (j > 0) out += ' ';
            append_marked(out, words[j], same ? std::string_view() : kReverse);
        }
        if (lines[i].ends_with(' ')) out += ' ';
        out += '\n';
    }
    return out;
}

} // namespace mars::shell
