// SPDX-License-Identifier: GPL-2.0-or-later
// Storage of one simulated process on its machine's Filesystem, with latencies drawn from the world's randomness.
#pragma once

#include <memory>

#include "kernel/env/storage.hpp"

namespace mars::env::sim {

class Process;

std::unique_ptr<Storage> make_storage(Process& process);

} // namespace mars::env::sim
