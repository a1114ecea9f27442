// SPDX-License-Identifier: GPL-2.0-or-later
// Device: what every block device of ours can do. Composable: a Logger is a Device over a Disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernel/base/result.hpp"
#include "kernel/env/task.hpp"

namespace mars::block {

class Device {
  public:
    virtual ~Device() = default;

    // Bytes; a multiple of 512; constant while the device is in use, or growing.
    virtual std::uint64_t size() const = 0;
    // Reads and writes of whole 512-byte sectors inside the device; else errc::invalid_argument. Any number may run at
    // the same time; of overlapping writes that run at the same time any order results. Buffers live until completion.
    virtual env::task<result<void>> read(std::uint64_t offset, std::span<std::byte> into) = 0;
    // A completed write is seen by every later read. It survives a crash once a later flush() has completed, or when
    // `fua`.
    virtual env::task<result<void>> write(std::uint64_t offset, std::span<const std::byte> data, bool fua) = 0;
    virtual env::task<result<void>> flush() = 0;
};

} // namespace mars::block
