// SPDX-License-Identifier: GPL-2.0-or-later
// Commands that get the terminal for themselves: `!` lines, and the pager. Ctrl-C is theirs meanwhile.
#pragma once

#include <string>
#include <string_view>

namespace mars::shell {

// By /bin/sh. Its exit status; 128 + N after signal N.
int run_system_command(const std::string& command);
// Shows `text` by $PAGER, else less; false when there is none.
bool show_in_pager(std::string_view text);

} // namespace mars::shell
