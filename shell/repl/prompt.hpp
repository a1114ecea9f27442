// SPDX-License-Identifier: GPL-2.0-or-later
// The prompt: host and health at a glance: "a ok> ", "a no marsd> ", "a mydata InConsistent> ",
// "a mydata HandoverUnfinished> ".
#pragma once

#include <string>

#include "shell/repl/line_runner.hpp"

namespace mars::shell {

// "ok", or what is wrong first.
std::string health(LineRunner& runner);
std::string prompt(LineRunner& runner);

} // namespace mars::shell
