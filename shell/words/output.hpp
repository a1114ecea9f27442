// SPDX-License-Identifier: GPL-2.0-or-later
// Output: where a verb's words go. A verb never prints: the one-shot program, the REPL, Lua and the simulation each
// give their own. One event per call, without newline. Spec: verbs 1.10, 1.17.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace mars::shell {

// The exit status of a program that has ended because nobody reads what it prints; see TerminalOutput::lost.
inline constexpr int kNobodyReads = 128 + 13;

enum class Severity {
    answer,   // what an informational verb was asked for; may contain newlines
    info,     // what was done
    progress, // what is being waited for
    hint,     // what may be useful to do
    warning,
    error,
};

class Output {
  public:
    virtual ~Output() = default;
    virtual void write(Severity severity, std::string_view text) = 0;
    // Lines that stand for what goes on just now: they replace those of the call before, below everything written; no
    // lines take them away. Only a terminal shows them.
    virtual void live(const std::vector<std::string>& lines) { (void)lines; }
    virtual bool is_live() const { return false; }
    // What other programs said besides their answer, and summaries: never mixed with answers in a file.
    virtual void remark(std::string_view text) { write(Severity::progress, text); }

    void answer(std::string_view text) { write(Severity::answer, text); }
    // A whole text as the answer: its last newline is that of the event, and nothing is no event.
    void answer_text(std::string_view text) {
        if (text.ends_with('\n')) text.remove_suffix(1);
        if (!text.empty()) answer(text);
    }
    void info(std::string_view text) { write(Severity::info, text); }
    void progress(std::string_view text) { write(Severity::progress, text); }
    void hint(std::string_view text) { write(Severity::hint, text); }
    void warning(std::string_view text) { write(Severity::warning, text); }
    void error(std::string_view text) { write(Severity::error, text); }

    // False once something could not be written: nobody reads any more, or there is no room. Whoever only tells ends.
    virtual bool reaches_reader() const { return true; }
    // Characters of a line, as wide as readers have room.
    virtual std::size_t columns() const { return 100; }

    // Do answers reach a person who likes colours? Then they may contain escape sequences of ANSI terminals.
    virtual bool takes_colours() const { return false; }
};

// Keeps everything: for scripts, the simulation and tests.
class RecordedOutput final : public Output {
  public:
    struct Event {
        Severity severity;
        std::string text;
    };

    void write(Severity severity, std::string_view text) override { events.push_back({severity, std::string(text)}); }
    // All texts of one severity, each followed by a newline.
    std::string text(Severity severity) const {
        std::string all;
        for (const auto& event : events)
            if (event.severity == severity) all += event.text + "\n";
        return all;
    }

    bool takes_colours() const override { return colours; }

    std::vector<Event> events;
    bool colours = false;
};

} // namespace mars::shell
