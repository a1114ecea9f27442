// SPDX-License-Identifier: GPL-2.0-or-later
// Local commands: started without a shell, their output read while they run. A command whose caller is cancelled or
// whose time is over is killed with everything that it has started (its process group).
// Tests: tests/unit/lua/process_test.cpp.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/result.hpp"
#include "kernel/env/env.hpp"

namespace mars::shell {

struct ProcessResult {
    int status = 0; // exit status; 128 + N after signal N
    std::string output;
    std::string errors;
};

struct Command {
    std::vector<std::string> argv;        // argv[0] is looked for in PATH
    std::string input;                    // its stdin
    std::vector<std::string> environment; // "NAME=VALUE", besides what this process has
    std::optional<Duration> limit;
    // Gets the output in pieces as it comes (is_error: from stderr); may be empty. The result has all of it anyway.
    std::function<env::task<void>(bool is_error, std::string piece)> on_text;
};

// A command that ran is a success, whatever its status. Failures: sys.io (it cannot be started), wait.phase (time).
env::task<result<ProcessResult>> run_process(env::Env& env, Command command);

} // namespace mars::shell
