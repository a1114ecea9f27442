// SPDX-License-Identifier: GPL-2.0-or-later
// RecordArena: the memory in which log records are built and in which they stay until they are written back. Records
// that are allocated one after the other lie one after the other, so that a batch of them is one append to the log.
// Runs on: one thread. Memory is shared: a chunk is reused when nobody refers to any byte of it.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "kernel/block/extent_map.hpp"

namespace mars::block {

class RecordArena {
  public:
    static constexpr std::size_t kChunkBytes = 1 << 20;
    static constexpr std::size_t kSpareChunks = 16; // kept for reuse, of all arenas together

    RecordArena() : spares_(common_spares()) {}

    // `bytes` ≤ kChunkBytes of writable memory.
    std::span<std::byte> allocate(std::size_t bytes);
    // Kept for reuse now, by all arenas of this thread.
    static std::size_t spare_chunks() { return common_spares()->chunks.size(); }
    // Shares what allocate() returned last, or a part of it.
    Piece share(std::span<const std::byte> part) const;

  private:
    using Chunk = std::unique_ptr<std::byte[]>;
    struct Spares {
        std::vector<Chunk> chunks;
    };
    static std::shared_ptr<Spares> common_spares();
    void next_chunk();

    std::shared_ptr<Spares> spares_; // outlives the thread's other data while chunks are out
    std::shared_ptr<std::byte> chunk_;
    std::size_t used_ = 0;
};

} // namespace mars::block
