// SPDX-License-Identifier: GPL-2.0-or-later
// TerminalOutput: Output of the one-shot program: results and progress to stdout, the rest to stderr. Live lines are
// drawn when both are a terminal.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "shell/output.hpp"

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

  private:
    void put(std::FILE* stream, std::string_view word, std::string_view text);
    void erase();
    void draw();

    bool is_live_;
    bool has_syslog_ = false;
    std::vector<std::string> lines_; // on the screen now
};

} // namespace mars::shell
