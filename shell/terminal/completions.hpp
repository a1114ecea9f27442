// SPDX-License-Identifier: GPL-2.0-or-later
// Completions for bash and zsh, made from the tables of verbs and options. Resources and hosts are asked of the tree at
// the moment of the completion. Tests: tests/shell/completion_test.py.
#pragma once

#include <string>

#include "shell/command/verb_registry.hpp"

namespace mars::shell {

std::string bash_completion(const VerbRegistry& verbs);
std::string zsh_completion(const VerbRegistry& verbs);

} // namespace mars::shell
