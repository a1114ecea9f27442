// SPDX-License-Identifier: GPL-2.0-or-later
// Completion: what may stand at the end of a line, from the tables: verbs, options, resources, hosts, macros, names of
// Lua. Reads the tree, and nothing else. Tests: tests/unit/repl/completion_test.cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shell/repl/line_runner.hpp"

namespace mars::shell {

struct Completions {
    std::size_t start = 0;          // of the word that is completed
    std::vector<std::string> words; // sorted; they replace that word
    bool ends_word = true;          // a blank may follow the only one
};

// `line`: up to the cursor.
Completions complete(LineRunner& runner, std::string_view line);

} // namespace mars::shell
