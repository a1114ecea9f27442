// SPDX-License-Identifier: GPL-2.0-or-later
// CommandLine: words as typed become a request. The same for the one-shot program, the REPL and scripts.
// Spec: verbs 1.1, 1.2. Tests: tests/unit/shell/command_line_test.cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shell/command/options.hpp"
#include "shell/command/verb_registry.hpp"

namespace mars::shell {

struct Request {
    const Verb* verb = nullptr;
    std::string spelling;               // as typed, without force-: "view-replstate"
    std::string resources;              // first positional, unless the verb takes none; empty when missing
    std::vector<std::string> arguments; // the positionals after it
    Options options;
    std::vector<std::string> notes; // options without effect: to be printed as warnings
};

// Takes the options out of `words` (wherever they stand; "--" ends them), looks up the verb, and checks the number and
// the form of its arguments. `defaults` are the session's options. Failures: usage.* and name.*; nothing was touched.
// Verbs are looked up in `verbs`. Options after the first argument of a verb that passes words on belong to that.
result<Request> parse_command_line(const std::vector<std::string>& words, const Options& defaults, VerbRegistry& verbs);

} // namespace mars::shell
