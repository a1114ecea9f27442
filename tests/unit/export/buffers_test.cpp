// SPDX-License-Identifier: GPL-2.0-or-later
// Memory for requests: reused, and bounded for all devices together.
#include "kernel/export/real/buffers.hpp"

#include <catch2/catch.hpp>

#include <cstdint>
#include <memory>
#include <vector>

using namespace mars::exports;

TEST_CASE("buffers are aligned, and what one pool gives back another one takes") {
    BufferPool first, second;
    auto buffer = first.take(5000);
    CHECK(buffer.capacity() == 8192);
    CHECK(reinterpret_cast<std::uintptr_t>(buffer.data()) % kPage == 0);
    const auto* memory = buffer.data();
    const auto before = BufferPool::free_bytes();
    buffer = Buffer();
    CHECK(BufferPool::free_bytes() == before + 8192);
    auto again = second.take(8000);
    CHECK(again.data() == memory);
    CHECK(BufferPool::free_bytes() == before);
}

TEST_CASE("however many devices there are, what is kept for reuse has one limit") {
    std::vector<std::unique_ptr<BufferPool>> pools;
    for (int device = 0; device < 50; ++device) {
        pools.push_back(std::make_unique<BufferPool>());
        std::vector<Buffer> requests;
        for (int i = 0; i < 24; ++i) requests.push_back(pools.back()->take(std::size_t{1} << 20));
    }
    CHECK(BufferPool::free_bytes() <= kMaxFreeBytes);
}
