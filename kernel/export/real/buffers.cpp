// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/export/real/buffers.hpp"

#include <bit>
#include <new>

namespace mars::exports {

namespace {

constexpr std::size_t kMaxFreeBytes = std::size_t{16} << 20; // kept for reuse; more is given back to the system

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

BufferPool::~BufferPool() {
    for (auto& [capacity, list] : free_)
        for (auto* memory : list) free_memory(memory);
}

Buffer BufferPool::take(std::size_t size) {
    auto capacity = capacity_for(size);
    auto& list = free_[capacity];
    if (list.empty())
        return {this, static_cast<std::byte*>(::operator new[](capacity, std::align_val_t(kPage))), capacity};
    auto* memory = list.back();
    list.pop_back();
    free_bytes_ -= capacity;
    return {this, memory, capacity};
}

void BufferPool::give_back(std::byte* memory, std::size_t capacity) noexcept {
    if (free_bytes_ + capacity > kMaxFreeBytes) {
        free_memory(memory);
        return;
    }
    try {
        free_[capacity].push_back(memory);
        free_bytes_ += capacity;
    } catch (const std::bad_alloc&) {
        free_memory(memory);
    }
}

} // namespace mars::exports
