// SPDX-License-Identifier: GPL-2.0-or-later
// FileIo: reads, writes and syncs of open descriptors without blocking the loop: by the ring where the kernel lets us
// have one, else (containers may forbid it) on the threads of the pool. Runs on: the env's io_context. Owns: the ring.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "kernel/env/parking.hpp"
#include "kernel/env/real/blocking_pool.hpp"

namespace mars::env {

struct IoOp {
    enum class Kind : std::uint8_t { read, write, sync };

    Kind kind = Kind::read;
    int fd = -1;
    std::uint32_t length = 0;
    std::uint64_t offset = 0;
    void* data = nullptr; // written by a read; only read by a write
};

class Ring;

class FileIo {
  public:
    enum class Use { ring_if_possible, threads };

    FileIo(asio::io_context& context, ParkingLot& lot, BlockingPool& pool, Use use);
    ~FileIo();

    // Does one operation; the result is that of the system call (bytes, 0) or -errno. Buffer and descriptor are in use
    // until it returns. When cancelled, it still returns only after the kernel has let go of the buffer.
    task<int> run(IoOp op);
    // Why there is no ring; empty when there is one.
    const std::string& why_no_ring() const { return why_no_ring_; }

  private:
    ParkingLot& lot_;
    BlockingPool& pool_;
    std::shared_ptr<Ring> ring_;
    std::string why_no_ring_;
};

} // namespace mars::env
