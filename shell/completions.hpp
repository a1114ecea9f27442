// SPDX-License-Identifier: GPL-2.0-or-later
// Completions for bash and zsh, made from the tables of verbs and options. Resources and hosts are asked of the tree at
// the moment of the completion. Tests: tests/unit/shell/completions_test.cpp.
#pragma once

#include <string>

namespace mars::shell {

std::string bash_completion();
std::string zsh_completion();

} // namespace mars::shell
