// SPDX-License-Identifier: GPL-2.0-or-later
// SimFile: an open file of one simulated process; operations take random times, and meet the faults of their machine.
#pragma once

#include <memory>
#include <string>

#include "kernel/env/sim/faults.hpp"
#include "kernel/env/sim/filesystem.hpp"
#include "kernel/env/storage.hpp"

namespace mars::env::sim {

class Process;

// What a started operation on `path` meets: it stands still if it has to, then takes a random time in [low, high], or
// longer where the disk is slow. False when cancelled.
task<bool> spend(Process& process, Operation operation, std::string path, Faults::Verdict verdict, Duration low,
                 Duration high);

class SimFile final : public File {
  public:
    SimFile(Process& process, std::string path, std::shared_ptr<Inode> inode, bool exclusive, bool writable);
    ~SimFile() override;

    task<result<std::size_t>> read(std::uint64_t offset, std::span<std::byte> into) override;
    task<result<void>> write(std::uint64_t offset, std::span<const std::byte> data) override;
    task<result<void>> sync_data() override;
    task<result<void>> resize(std::uint64_t size) override;
    result<std::uint64_t> size() const override { return std::uint64_t(inode_->current.size()); }

  private:
    Filesystem& filesystem() const;
    Faults::Verdict judge(Operation operation) const;
    result<std::size_t> copy(std::uint64_t offset, std::span<std::byte> into) const;
    result<void> put(std::uint64_t offset, std::span<const std::byte> data);

    Process& process_;
    std::string path_;
    std::shared_ptr<Inode> inode_;
    bool exclusive_;
    bool writable_;
    std::uint64_t boots_;
};

} // namespace mars::env::sim
