// SPDX-License-Identifier: GPL-2.0-or-later
// Symbolic links to devices: LVM, multipath and people name disks by them.
#pragma once

#include <string>

#include "kernel/env/storage.hpp"

namespace mars::shell {

// The device node or file itself, behind all symlinks. Failures: those of the storage; too_many_symbolic_link_levels.
result<std::string> resolve_symlinks(env::Storage& storage, std::string path);

} // namespace mars::shell
