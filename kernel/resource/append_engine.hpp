// SPDX-License-Identifier: GPL-2.0-or-later
// AppendEngine: the primary's side of a resource: the write path over the disk, and the device that applications see.
// Runs on: the host's executor. Owns: the WritePath, the Export. The disk must stay until stop().
// Order of ends: device gone → everything written back → final positions published → forget() (is-primary becomes 0).
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "kernel/block/write_path.hpp"
#include "kernel/env/task_group.hpp"
#include "kernel/resource/host.hpp"
#include "kernel/resource/log_store.hpp"
#include "kernel/resource/positions.hpp"
#include "kernel/resource/signal.hpp"

namespace mars::resource {

class AppendEngine {
  public:
    AppendEngine(Host& host, std::string resource, LogStore& logs, Signal& signal);

    // Begins to append to `log`, which is empty, or made empty when it does not exist.
    env::task<result<void>> start(block::Device& disk, LogName log);
    // False while the log before the present one is still being written back.
    bool may_rotate() const;
    // Later writes go to `next`; only while no earlier rotation is under way.
    env::task<result<void>> rotate(LogName next);
    // Refuses new writes, writes everything back. Positions remain readable, and must be published, until forget().
    env::task<bool> stop(); // false: its log has failed
    bool is_stopped() const { return is_stopped_; }
    std::vector<block::LogProgress> open_logs() const { return path_->open_logs(); } // until forget()
    void forget();

    env::task<result<void>> create_device(std::string name);
    // Removes the device if nobody has it open; true when it is gone. When the log has failed, what openers have left
    // in the kernel's cache cannot be written any more: that does not keep the device.
    env::task<bool> close_device();
    // Every few seconds: what others have done to the device is put right and told; one that is not ours any more is
    // given up, so that it can be made anew. Result: what is in the way of that; empty: nothing.
    env::task<std::string> look_after_device();

    // Publishes the positions of all logs that need it, the lower first (TL-N2). After a failure (a full /mars) the
    // next call goes on where this one had to end: no log's final position is left out.
    env::task<result<void>> publish(Positions& positions);

    bool is_running() const { return path_ != nullptr; }
    bool device_exists() const { return export_ != nullptr; }
    int open_count() const;
    // The newest log that is being appended to.
    std::optional<LogName> log() const;
    // The log cannot take anything any more: the device fails all writes for as long as this write path lives.
    bool is_log_failed() const { return path_ && path_->is_log_failed(); }
    std::optional<failure> failed() const { return path_ ? path_->failed() : std::nullopt; }
    // What was written since the start; nullopt when nothing runs.
    std::optional<block::WriteCounters> counters() const;
    // How the device appears, for status.
    std::string device_state() const;

  private:
    void report_logs();
    env::task<void> follow_path();
    env::task<void> follow_device();

    Host& host_;
    std::string resource_;
    LogStore& logs_;
    Signal& signal_;
    std::unique_ptr<block::WritePath> path_;
    std::unique_ptr<exports::Export> export_;
    std::deque<block::LogProgress> finished_; // final positions that are yet to be published
    bool is_stopped_ = false;
    env::TaskGroup tasks_;
};

} // namespace mars::resource
