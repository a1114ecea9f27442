// SPDX-License-Identifier: GPL-2.0-or-later
// The interactive shell of marsadm, and the same lines from a file or a pipe. Tests: tests/shell/repl_test.py.
#pragma once

#include <string>

#include "shell/command/context.hpp"
#include "shell/local/interrupts.hpp"

namespace mars::shell {

// `path`: a file with lines, "-" or (without a terminal) empty: stdin. Those end at the first line that fails, with its
// number and status. On a terminal a failed line costs nothing. Returns the exit status. Failure: sys.io.
env::task<result<int>> run_shell(Surroundings& surroundings, Options options, Interrupts& interrupts, std::string path);

} // namespace mars::shell
