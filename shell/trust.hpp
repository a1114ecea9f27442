// SPDX-License-Identifier: GPL-2.0-or-later
// Trust: may code, of a plugin or a hook, in this file or directory run with the caller's rights? Only when nobody but root and the caller can
// change it, or replace it by way of a directory above it. Tests: tests/unit/lua/manifest_test.cpp.
#pragma once

#include <string>

#include "kernel/base/result.hpp"

namespace mars::shell {

// Checks `path` (symlinks resolved), all directories above it and, when it is a directory, everything in it. Failure:
// plugin.broken, naming the first thing that others may change.
result<void> check_trusted(const std::string& path);

} // namespace mars::shell
