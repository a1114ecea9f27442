// SPDX-License-Identifier: GPL-2.0-or-later
// InterpreterLine: why a script cannot be started although its file is there: the kernel's "No such file or directory"
// means the interpreter that its first line names. Tests: tests/unit/shell/interpreter_line_test.cpp.
#pragma once

#include <string>

#include "kernel/env/storage.hpp"

namespace mars::shell {

// What is wrong with the first line of `program`, and what to do, to be put behind a message: "; its first line ...".
// Empty when it looks good.
std::string interpreter_trouble(const env::Storage& storage, const std::string& program);

} // namespace mars::shell
