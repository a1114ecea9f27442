// SPDX-License-Identifier: GPL-2.0-or-later
// Words of a line as a POSIX shell splits them: blanks, 'single' and "double" quotes, backslash; # begins a comment.
// Nothing is expanded. Tests: tests/unit/repl/line_words_test.cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/result.hpp"

namespace mars::shell {

// Failure: usage.arg when a quote is not closed.
result<std::vector<std::string>> split_line(std::string_view line);

} // namespace mars::shell
