// SPDX-License-Identifier: GPL-2.0-or-later
// Help: all texts about verbs and options, made from the tables: --help, help VERB, and the man page.
// Tests: tests/unit/shell/help_test.cpp.
#pragma once

#include <string>

#include "shell/command/verb_registry.hpp"

namespace mars::shell {

// Overview for --help: verbs up to `level` (negative: only of that level), options, exit codes.
std::string overview(int level, VerbRegistry& verbs, std::size_t width = 100);
// Everything about one verb.
std::string verb_help(const Verb& verb, std::size_t width = 100);
// marsadm(8) in roff.
std::string man_page(const VerbRegistry& verbs);

} // namespace mars::shell
