// SPDX-License-Identifier: GPL-2.0-or-later
// host_facts: what this host has of that which units need: programs, places, users, filesystems. Blocks, users may be
// looked up in the network. Tests: tests/unit/shell/host_facts_test.cpp.
#pragma once

#include <string>

#include "shell/systemd/systemd.hpp"

namespace mars::shell::systemd {

HostFacts host_facts(const HostQuestions& questions);

PathKind kind_of_program(const std::string& path); // missing, blocked, program, no_interpreter, file
PathKind kind_of_place(const std::string& path);   // missing, blocked, linked, …directory, mounted, file

} // namespace mars::shell::systemd
