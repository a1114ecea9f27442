// SPDX-License-Identifier: GPL-2.0-or-later
// Writeback: brings committed data to the disk, in rounds. A round takes everything that was committed until then,
// writes it in ascending order (each byte once, its newest version; TL-B6), and syncs the disk; then the log is written
// back up to the round's end. Only data that is durable in the log is ever written (TL-B5). Runs on: the resource's
// io_context, one task of the Logger. When a round starts: with enough data, or old data, or when somebody waits for
// its end (rotation, stop), or under memory pressure. While there is foreground work and no pressure, its requests give
// way to commits. After an error of the disk the data stays in the buffer, and no further round starts. Spec:
// transaction-log 9.4, 10.4, 10.5. Tests: tests/unit/block/logger_test.cpp.
#pragma once

#include <functional>
#include <optional>

#include "kernel/block/device.hpp"
#include "kernel/block/extent_writer.hpp"
#include "kernel/block/log_writer.hpp"
#include "kernel/block/write_buffer.hpp"
#include "kernel/block/write_path.hpp"

namespace mars::block {

struct WritebackOptions {
    std::uint64_t start_bytes = 16 << 20;             // committed data that starts a round at once
    Duration max_age = std::chrono::seconds(1);       // oldest committed data that starts a round
    Duration give_way = std::chrono::milliseconds(2); // how long a request waits for the end of a commit at most
    ExtentWriterOptions requests;
};

class Writeback {
  public:
    Writeback(env::Env& env, Device& disk, WriteBuffer& buffer, MemoryBudget& budget, LogWriter& log_writer,
              WritebackOptions options);
    ~Writeback();

    // Does rounds until drain() was called and nothing is left. A round that fails is done again, with growing pauses,
    // until drain() is called.
    env::task<void> run();
    // More has been committed, or a log has ended.
    void wake();
    // Everything that is committed shall be written back without delay; then run() ends.
    void drain();

    const std::optional<failure>& failed() const { return failed_; }
    const WriteCounters::Writeback& counters() const { return counters_; }
    // Called when a round begins, when it has ended, and on failure.
    std::function<void()> on_progress;
    // Tells that data of `log` shall not wait, because a newer log is open.
    std::function<bool(const OpenLog& log)> is_urgent;

  private:
    bool is_due(const Layer& layer) const;
    env::task<bool> wait_until_due();
    env::task<result<void>> write_layer(const Layer& layer);
    env::task<void> give_way();
    env::task<bool> pause_unless_draining(Duration pause);
    env::task<void> forget(ExtentMap& index);

    env::Env& env_;
    Device& disk_;
    WriteBuffer& buffer_;
    MemoryBudget& budget_;
    LogWriter& log_writer_;
    WritebackOptions options_;
    env::Event wake_;
    bool is_idle_ = false; // waits for the first data
    bool draining_ = false;
    std::optional<failure> failed_;
    WriteCounters::Writeback counters_;
};

} // namespace mars::block
