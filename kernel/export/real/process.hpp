// SPDX-License-Identifier: GPL-2.0-or-later
// What a program does that serves block devices to its own machine: the kernel may need it to free memory, so it must
// not wait for memory itself. Spec: transaction-log 16.4.
#pragma once

#include <string>
#include <vector>

namespace mars::exports {

// Locks the memory of this process, marks it as one that I/O depends on (its allocations start no I/O), and exempts it
// from the OOM killer. Call it before any thread is started: threads inherit it. Best effort: returns, for the log,
// what was not possible and why.
std::vector<std::string> harden_process();

} // namespace mars::exports
