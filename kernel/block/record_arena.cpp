// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/block/record_arena.hpp"

#include <string>
#include <utility>

#include "kernel/base/result.hpp"

namespace mars::block {

std::shared_ptr<RecordArena::Spares> RecordArena::common_spares() {
    thread_local const auto spares = std::make_shared<Spares>();
    return spares;
}

std::span<std::byte> RecordArena::allocate(std::size_t bytes) {
    if (bytes > kChunkBytes) panic("record arena: " + std::to_string(bytes) + " bytes do not fit a chunk");
    if (!chunk_ || kChunkBytes - used_ < bytes) next_chunk();
    auto* at = chunk_.get() + used_;
    used_ += bytes;
    return {at, bytes};
}

Piece RecordArena::share(std::span<const std::byte> part) const {
    return {std::shared_ptr<const std::byte>(chunk_, part.data()), part.size()};
}

void RecordArena::next_chunk() {
    Chunk memory;
    if (!spares_->chunks.empty()) {
        memory = std::move(spares_->chunks.back());
        spares_->chunks.pop_back();
    } else {
        memory.reset(new std::byte[kChunkBytes]); // not initialised: every byte is written before it is read
    }
    auto recycle = [spares = spares_](std::byte* bytes) {
        Chunk done(bytes);
        if (spares->chunks.size() < kSpareChunks) spares->chunks.push_back(std::move(done));
    };
    chunk_ = std::shared_ptr<std::byte>(memory.release(), recycle);
    used_ = 0;
}

} // namespace mars::block
