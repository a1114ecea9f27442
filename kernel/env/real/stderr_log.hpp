// SPDX-License-Identifier: GPL-2.0-or-later
// StderrLog: log lines to stderr. Under systemd each line carries its priority as "<N>" and no time (the journal has
// its own); else the local time and the level stand in front. Writing never waits: lines for which nobody has made room
// are kept (1 MiB), then lost, and their number is told.
#pragma once

#include <memory>

#include "kernel/env/log.hpp"

namespace mars::env {

enum class LogFormat { automatic, plain, journal };

// Lines below `least` are dropped. Control characters in a line (peers' texts) are replaced by '?'.
std::unique_ptr<Log> make_stderr_log(LogLevel least, LogFormat format = LogFormat::automatic, int fd = 2);

} // namespace mars::env
