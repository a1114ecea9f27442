// SPDX-License-Identifier: GPL-2.0-or-later
// connect_to_host: a TCP connection to a host that has a name, and perhaps an address that is known without asking
// anybody. The address is tried at once, the resolver is asked at the same time, and what it knows is tried when the
// address leads nowhere or takes its time: a dead host costs its timeout once, a dead DNS costs nothing.
// Blocks; runs on: any one thread. Tests: tests/unit/shell/ssh_remote_test.cpp.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "kernel/base/result.hpp"
#include "kernel/env/real/fd.hpp"

namespace mars::shell {

struct ConnectTarget {
    std::string name;    // for the resolver; or an address itself
    std::string address; // known without it; may be empty
    int port = 22;
};

// A connected socket that does not block. `goes_on`: false ends the attempt. Failure: every way that was tried, and
// what became of it.
result<env::UniqueFd> connect_to_host(const ConnectTarget& target, std::chrono::steady_clock::time_point end,
                                      const std::function<bool()>& goes_on);

// A thread waits for the resolver, which nobody needs any more. The program has to end without looking back at it.
bool is_resolver_at_work();

} // namespace mars::shell
