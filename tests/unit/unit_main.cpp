// SPDX-License-Identifier: GPL-2.0-or-later
// The one main() of all unit test programs.
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>

#include <csignal>

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN); // as in all programs
    return Catch::Session().run(argc, argv);
}
