// SPDX-License-Identifier: GPL-2.0-or-later
// How a local command is started: below an attendant, a child of ours that ends it when we are gone (attended.hpp),
// with three pipes. For process.cpp. Tests: tests/unit/lua/process_test.cpp.
#pragma once

#include <sys/types.h>

#include "kernel/base/result.hpp"
#include "kernel/env/real/fd.hpp"
#include "shell/local/process.hpp"

namespace mars::shell {

struct PipeEnds {
    env::UniqueFd read;
    env::UniqueFd write;
};

struct Pipes {
    PipeEnds input;
    PipeEnds output;
    PipeEnds errors;
};

result<Pipes> make_pipes();

// The attendant, and the pipe whose end tells it to end the program.
struct Started {
    pid_t attendant = 0;
    env::UniqueFd control;
};

// The program has begun when this returns. Failure: sys.io.
result<Started> start_attended(const Command& command, const Pipes& pipes);

// The attendant of a program; asks it to end the program when this is gone.
class Child {
  public:
    Child(pid_t pid, env::UniqueFd control) : pid_(pid), control_(std::move(control)) {}
    Child(Child&&) = delete;
    void end() { control_.reset(); }
    pid_t pid() const { return pid_; }
    // After its end.
    int reap();

  private:
    pid_t pid_;
    env::UniqueFd control_;
};

} // namespace mars::shell
