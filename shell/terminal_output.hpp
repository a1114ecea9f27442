// SPDX-License-Identifier: GPL-2.0-or-later
// TerminalOutput: Output of the one-shot program: results and progress to stdout, the rest to stderr.
#pragma once

#include "shell/output.hpp"

namespace mars::shell {

class TerminalOutput final : public Output {
  public:
    void write(Severity severity, std::string_view text) override;
    // stdout is a terminal that understands colours, and NO_COLOR is not set.
    bool takes_colours() const override;
};

} // namespace mars::shell
