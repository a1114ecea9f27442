// SPDX-License-Identifier: GPL-2.0-or-later
// Arguments: marsd's command line. Tests: tests/unit/daemon/arguments_test.cpp.
#pragma once

#include <string>

#include "kernel/base/result.hpp"
#include "kernel/env/log.hpp"
#include "kernel/resource/host.hpp"

namespace mars::daemon {

struct Arguments {
    std::string root = "/mars";
    std::string run_directory = "/run/mars";
    env::LogLevel log_level = env::LogLevel::info;
    resource::Tunables tunables;
    std::string print; // not empty: print this and end (--help, --version)
};

// Environment: $MARS_DIR gives the default of --root. Failures are one sentence for people.
result<Arguments> parse_arguments(int argc, const char* const* argv);

} // namespace mars::daemon
