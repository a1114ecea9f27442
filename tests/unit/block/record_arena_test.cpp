// SPDX-License-Identifier: GPL-2.0-or-later
// Memory of log records: reused, and what is kept for that is bounded for all resources together.
#include "kernel/block/record_arena.hpp"

#include <catch2/catch.hpp>

#include <cstring>
#include <memory>
#include <vector>

using namespace mars::block;

TEST_CASE("however many arenas there are, what is kept for reuse has one limit") {
    std::vector<std::unique_ptr<RecordArena>> arenas;
    for (int resource = 0; resource < 50; ++resource) {
        arenas.push_back(std::make_unique<RecordArena>());
        std::vector<Piece> records;
        for (int i = 0; i < 20; ++i) {
            const auto record = arenas.back()->allocate(RecordArena::kChunkBytes);
            std::memset(record.data(), i, record.size());
            records.push_back(arenas.back()->share(record));
        }
    }
    CHECK(RecordArena::spare_chunks() <= RecordArena::kSpareChunks);
}

TEST_CASE("a record stays where it is as long as somebody has a part of it, also without its arena") {
    auto arena = std::make_unique<RecordArena>();
    const auto record = arena->allocate(100);
    std::memset(record.data(), 7, record.size());
    const auto piece = arena->share(record.subspan(10, 20));
    arena.reset();
    RecordArena other;
    for (int i = 0; i < 40; ++i)
        std::memset(other.allocate(RecordArena::kChunkBytes).data(), 0, RecordArena::kChunkBytes);
    for (const auto byte : piece.span()) CHECK(byte == std::byte{7});
}
