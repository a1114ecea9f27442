// SPDX-License-Identifier: GPL-2.0-or-later
// Audience: whether anybody reads stdout. A command that only tells ends when its reader has gone, as cat does; one
// that changes something goes on to its end. Tests: tests/shell/output_test.py.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>

#include <functional>
#include <string>
#include <vector>

#include "kernel/env/env.hpp"
#include "shell/command/options.hpp"
#include "shell/command/verb_registry.hpp"

namespace mars::shell {

// Does this command line, here or on other hosts, nothing but tell? Programs (shell, lua) may do anything; they find
// out themselves, when they print.
bool only_tells(const std::vector<std::string>& words, const Options& defaults, VerbRegistry& verbs);

// Is it one verb that changes something? Such a one does not wait for a reader in the middle of it.
bool is_one_change(const std::vector<std::string>& words, const Options& defaults, VerbRegistry& verbs);

// A command that never writes has to hear of it, too: notices when the last reader of a pipe or socket closes it.
class ReaderWatch {
  public:
    // `gone` is called at most once, from the executor.
    ReaderWatch(env::Env& env, std::function<void()> gone);
    // Nothing is called any more.
    void stop();

  private:
    void wait();

    env::asio::posix::stream_descriptor
        events_; // an epoll: stdout itself must not become non-blocking, others share it
    std::function<void()> gone_;
};

} // namespace mars::shell
