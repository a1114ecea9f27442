// SPDX-License-Identifier: GPL-2.0-or-later
// StreamWriter: writes to a standard descriptor, which others share and which must not become non-blocking. A stream
// that takes nothing (Ctrl-S on the terminal, a pager that shows its first page) must not hold up somebody who is in
// the middle of a change: the wait for it can be bounded. Tests: tests/unit/shell/stream_writer_test.cpp.
#pragma once

#include <chrono>
#include <string_view>

#include "kernel/env/real/fd.hpp"

namespace mars::shell {

class StreamWriter {
  public:
    enum class Wait { for_ever, bounded };
    static constexpr std::chrono::milliseconds kBound{1000}; // without any progress

    explicit StreamWriter(int fd, std::chrono::milliseconds bound = kBound) : fd_(fd), bound_(bound) {}
    // Writes all of `text`, whatever signals come. 0, or an errno value; ETIMEDOUT: bounded, and nothing more was taken
    // for `bound`. From then on nothing is waited for, until the stream takes something again.
    int write(std::string_view text, Wait wait);

  private:
    // Both leave the rest in `text`.
    int write_for_ever(std::string_view& text);
    int write_bounded(std::string_view& text);
    void look();

    int fd_;
    std::chrono::milliseconds bound_;
    env::UniqueFd own_;      // the same stream, non-blocking
    bool is_looked_ = false; // at what `fd_` is
    bool is_socket_ = false;
    bool is_stalled_ = false;
    bool is_torn_ = false; // in the middle of a text
};

} // namespace mars::shell
