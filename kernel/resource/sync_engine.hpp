// SPDX-License-Identifier: GPL-2.0-or-later
// SyncEngine: keeps the copy of the primary's disk going, from the published offset, and again after failures with a
// growing pause; remembers that it is complete until the controller has told the tree. Owns: the SyncClient, its task.
// Spec: symlink-tree 4.6; transaction-log 13.
#pragma once

#include <memory>
#include <string>

#include "kernel/block/disk.hpp"
#include "kernel/block/sync_client.hpp"
#include "kernel/env/task_group.hpp"
#include "kernel/resource/host.hpp"
#include "kernel/resource/signal.hpp"

namespace mars::resource {

class SyncEngine final : private block::SyncObserver {
  public:
    SyncEngine(Host& host, std::string resource, Signal& signal);

    // Copies [start, end) of the disk of `source`.
    void start(block::Disk& disk, std::string source, std::int64_t start, std::int64_t end);
    // Ends it; nothing writes to the disk when this returns. durable_offset() stays.
    env::task<void> stop();
    // Forgets a complete sync.
    void forget() { is_complete_ = false; }

    bool is_running() const { return tasks_.live() > 0; }
    bool is_complete() const { return is_complete_; }
    // What was copied is void, because the source must not be copied any more: start again at 0.
    bool is_void() const { return is_void_; }
    bool has_progress() const { return durable_ > start_; }
    Duration started_at() const { return started_at_; }
    const std::string& source_host() const { return source_; }
    std::int64_t durable_offset() const { return durable_; }
    std::int64_t end() const { return end_; }
    // "OK,ERR" in blocks.
    std::string verify_status() const;
    const std::string& trouble() const { return trouble_; }
    block::Limiter& rate() { return rate_; }

  private:
    env::task<void> run(block::Disk& disk);
    env::task<bool> sync_once(block::Disk& disk);
    void copied(std::uint64_t offset) override;

    Host& host_;
    std::string resource_;
    Signal& signal_;
    std::string source_;
    std::int64_t start_ = 0;
    std::int64_t durable_ = 0;
    std::int64_t end_ = 0;
    Duration started_at_{};
    bool is_complete_ = false;
    bool is_void_ = false;
    std::uint64_t blocks_equal_ = 0;
    std::uint64_t blocks_different_ = 0;
    std::string trouble_;
    block::Limiter rate_;
    env::TaskGroup tasks_;
};

} // namespace mars::resource
