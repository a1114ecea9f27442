// SPDX-License-Identifier: GPL-2.0-or-later
// DiskSource: the primary's data disk, as secondaries copy it. Sessions share it; the controller withdraws it.
#pragma once

#include <memory>

#include "kernel/block/disk.hpp"
#include "kernel/block/sync_server.hpp"

namespace mars::resource {

class DiskSource final : public block::SyncSource {
  public:
    explicit DiskSource(std::shared_ptr<block::Disk> disk) : disk_(std::move(disk)) {}

    // From now on nothing more is read, and the disk is not held any more (after the reads under way).
    void withdraw() { disk_.reset(); }

    std::uint64_t size() const override { return disk_ ? disk_->size() : 0; }
    bool accepts() const override { return disk_ != nullptr; }
    env::task<result<void>> read(std::uint64_t offset, std::span<std::byte> into) override {
        auto disk = disk_;
        if (!disk) co_return failure(std::errc::operation_canceled, "this host is no longer primary");
        co_return co_await disk->read(offset, into);
    }

  private:
    std::shared_ptr<block::Disk> disk_;
};

} // namespace mars::resource
