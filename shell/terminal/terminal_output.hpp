// SPDX-License-Identifier: GPL-2.0-or-later
// TerminalOutput: Output of the one-shot program: results and progress to stdout, the rest to stderr. Live lines are
// drawn when both are a terminal. Every write to stdout is checked: the first one that fails is told to `on_lost`, and
// unless it is a broken pipe, on stderr. A verb that changes something is not held up by a terminal or reader that
// takes nothing: its messages go to syslog then. Tests: tests/shell/output_test.py.
#pragma once

#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "shell/terminal/stream_writer.hpp"
#include "shell/words/output.hpp"

namespace mars::shell {

class TerminalOutput final : public Output {
  public:
    TerminalOutput();

    void write(Severity severity, std::string_view text) override;
    // stdout is a terminal that understands colours, and NO_COLOR is not set.
    bool takes_colours() const override;
    void remark(std::string_view text) override;
    void live(const std::vector<std::string>& lines) override;
    bool is_live() const override { return is_live_; }
    // From now on also to syslog, all but answers: nobody may be there to read it.
    void also_to_syslog();
    bool reaches_reader() const override { return error_ == 0 && std::ferror(stdout) == 0; }
    // $COLUMNS, or the width of the terminal.
    std::size_t columns() const override;

    // While this holds, a stream that takes nothing is waited for no longer than StreamWriter::kBound.
    void bound_while(std::function<bool()> holds) { is_bounded_ = std::move(holds); }
    // Called once, when stdout fails.
    void on_lost(std::function<void()> call) { on_lost_ = std::move(call); }
    // The errno value of stdout's first failure: EPIPE when its reader has gone; 0: everything has arrived.
    int lost() const { return error_; }
    // stdout has failed: to be called by whoever notices without writing.
    void lose(int error);
    // Nothing is said any more, also not on stderr.
    void hush() { is_hushed_ = true; }
    // Some file systems tell only at the end that there is no room. Nothing can be written afterwards.
    void close();

  private:
    void put(std::FILE* stream, std::string_view word, std::string_view text);
    void show(Severity severity, std::string_view text);
    void write_out(std::string_view text);
    void write_error(std::string_view text);
    StreamWriter::Wait wait() const;
    void stall();
    void erase();
    void draw();

    bool is_live_;
    bool has_syslog_ = false;
    std::vector<std::string> lines_; // on the screen now
    std::function<void()> on_lost_;
    std::function<bool()> is_bounded_;
    StreamWriter out_{1}, err_{2};
    bool has_stalled_ = false; // during this text
    int error_ = 0;
    bool is_hushed_ = false;
};

} // namespace mars::shell
