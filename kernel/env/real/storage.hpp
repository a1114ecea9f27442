// SPDX-License-Identifier: GPL-2.0-or-later
// RealStorage: Storage by system calls. Names and attributes are quick and done in place; opening, syncing and resizing
// run on the pool, reads and writes through FileIo.
// Spec: symlink-tree 1.7, 1.8. Tests: tests/unit/env/real_storage_test.cpp.
#pragma once

#include <boost/asio/io_context.hpp>

#include <map>
#include <memory>

#include "kernel/env/real/file_io.hpp"
#include "kernel/env/real/sync_rounds.hpp"
#include "kernel/env/storage.hpp"

namespace mars::env {

class RealStorage final : public Storage {
  public:
    RealStorage(asio::io_context& context, ParkingLot& lot, FileIo& io, BlockingPool& pool)
        : context_(context), lot_(lot), io_(io), pool_(pool) {}

    task<result<std::unique_ptr<File>>> open(std::string path, OpenMode mode) override;
    result<SymlinkValue> read_symlink(const std::string& path) const override;
    result<void> write_symlink(const std::string& path, const std::string& temporary, const std::string& value,
                               Stamp mtime) override;
    result<std::string> symlink_value(const std::string& path) const override;
    result<FileStatus> status(const std::string& path) const override;
    result<std::vector<DirectoryEntry>> scan(const std::string& directory) const override;
    std::unique_ptr<ReadAhead> read_ahead(std::vector<std::string> directories, ReadPattern pattern) const override;
    result<std::vector<DirectoryEntry>> list(const std::string& directory) const override;
    result<void> make_directory(const std::string& path) override;
    result<void> remove(const std::string& path) override;
    result<void> remove_directory(const std::string& path) override;
    result<void> rename(const std::string& from, const std::string& to) override;
    result<SpaceInfo> space(const std::string& path) const override;
    task<result<SpaceInfo>> measure_space(std::string path) const override;
    std::string identity(const std::string& path) const override;
    result<std::string> read_file(const std::string& path, std::size_t limit) const override;
    result<void> write_file(const std::string& path, std::string_view content) override;
    task<result<void>> keep_file(std::string path, std::string content) override;
    result<void> touch_file(const std::string& path, std::string_view content) override;
    std::shared_ptr<void> hold_blocks(const std::string& path) override;
    task<result<void>> sync_filesystem(std::string path) override;
    task<result<void>> sync_directory(std::string path) override;
    result<std::unique_ptr<DirectoryWatch>> watch() override;

  private:
    asio::io_context& context_;
    ParkingLot& lot_;
    FileIo& io_;
    BlockingPool& pool_;
    std::map<std::uint64_t, std::shared_ptr<SyncRounds>> syncs_; // by filesystem
};

} // namespace mars::env
