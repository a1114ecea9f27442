// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/export/real/buffers.hpp"

#include <bit>
#include <new>

namespace mars::exports {

namespace {

std::size_t capacity_for(std::size_t size) {
    if (size <= kPage) return kPage;
    if (size <= std::size_t{1} << 20) return std::bit_ceil(size);
    return (size + kPage - 1) / kPage * kPage;
}

void free_memory(std::byte* memory) {
    ::operator delete[](memory, std::align_val_t(kPage));
}

} // namespace

Buffer::~Buffer() {
    if (pool_) pool_->give_back(memory_, capacity_);
}

BufferPool::Free::~Free() {
    for (auto& [capacity, list] : by_capacity)
        for (auto* memory : list) free_memory(memory);
}

BufferPool::Free& BufferPool::common() {
    thread_local Free free;
    return free;
}

Buffer BufferPool::take(std::size_t size) {
    auto capacity = capacity_for(size);
    auto& free = common();
    auto& list = free.by_capacity[capacity];
    if (list.empty())
        return {this, static_cast<std::byte*>(::operator new[](capacity, std::align_val_t(kPage))), capacity};
    auto* memory = list.back();
    list.pop_back();
    free.bytes -= capacity;
    return {this, memory, capacity};
}

void BufferPool::give_back(std::byte* memory, std::size_t capacity) noexcept {
    auto& free = common();
    if (free.bytes + capacity > kMaxFreeBytes) {
        free_memory(memory);
        return;
    }
    try {
        free.by_capacity[capacity].push_back(memory);
        free.bytes += capacity;
    } catch (const std::bad_alloc&) {
        free_memory(memory);
    }
}

} // namespace mars::exports
