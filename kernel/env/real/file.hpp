// SPDX-License-Identifier: GPL-2.0-or-later
// RealFile: an open regular file or block device.
#pragma once

#include <string>

#include "kernel/env/real/fd.hpp"
#include "kernel/env/real/file_io.hpp"
#include "kernel/env/storage.hpp"

namespace mars::env {

// An open descriptor with what the open found out.
struct OpenFile {
    UniqueFd fd;
    std::string path;
    bool is_block = false;
    bool direct = false;
};

// Opens as `mode` says. Blocks. Errors: errno, with a text that names the path; EBUSY for a block device in use.
result<OpenFile> open_file(const std::string& path, OpenMode mode);

class RealFile final : public File {
  public:
    RealFile(OpenFile file, FileIo& io, BlockingPool& pool) : file_(std::move(file)), io_(io), pool_(pool) {}

    task<result<std::size_t>> read(std::uint64_t offset, std::span<std::byte> into) override;
    task<result<void>> write(std::uint64_t offset, std::span<const std::byte> data) override;
    task<result<void>> sync_data() override;
    task<void> forget_cached() override;
    task<result<void>> resize(std::uint64_t size) override;
    result<std::uint64_t> size() const override;

  private:
    failure at(int error, const char* what, std::uint64_t offset) const;

    OpenFile file_;
    FileIo& io_;
    BlockingPool& pool_;
};

} // namespace mars::env
