// SPDX-License-Identifier: GPL-2.0-or-later
// Local commands: started without a shell, their output read while they run. The end of the program counts, not that of
// its pipes, which something in the background may hold. A command whose caller is cancelled or killed, or whose time
// is over, ends with everything that it has started (its process group): attended.hpp. Tests:
// tests/unit/lua/process_test.cpp.
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
    bool is_left_open = false; // something that it has left behind still holds its output, which was not waited for
};

struct Command {
    std::vector<std::string> argv;        // argv[0] is looked for in PATH
    std::string input;                    // its stdin
    std::vector<std::string> environment; // "NAME=VALUE", besides what this process has
    std::optional<Duration> limit;
    // Gets the output in pieces as it comes (is_error: from stderr); may be empty. The result has all of it anyway.
    std::function<env::task<void>(bool is_error, std::string piece)> on_text;
    // Told after 2 s, 4 s, 8 s, ... that it still runs; may be empty.
    std::function<void(Duration)> on_waiting = {};
    // When its time is over, or its caller is cancelled, it is told to end. Whether it has a result all the same if it
    // ends with `status` then; empty: never.
    std::function<bool(int status)> has_last_word = {};
    // How long its end is waited for when it was asked to end.
    Duration patience = std::chrono::seconds(15);
};

// A command that ran is a success, whatever its status. Failures: sys.io (it cannot be started), wait.phase (time).
env::task<result<ProcessResult>> run_process(env::executor executor, Command command);
env::task<result<ProcessResult>> run_process(env::Env& env, Command command);

} // namespace mars::shell
