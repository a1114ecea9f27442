// SPDX-License-Identifier: GPL-2.0-or-later
// BufferPool: page-aligned memory for requests, kept for reuse: at most kMaxFreeBytes of all pools of a thread
// together, however many devices there are. One thread; the pool outlives its buffers.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <utility>
#include <vector>

namespace mars::exports {

inline constexpr std::size_t kPage = 4096;                          // bytes; alignment of all buffers
inline constexpr std::size_t kMaxFreeBytes = std::size_t{16} << 20; // more is given back to the system

class BufferPool;

// Owns its memory and gives it back to the pool. The content is undefined at first.
class Buffer {
  public:
    Buffer() = default;
    Buffer(Buffer&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)), memory_(other.memory_), capacity_(other.capacity_) {}
    Buffer& operator=(Buffer&& other) noexcept {
        std::swap(pool_, other.pool_);
        std::swap(memory_, other.memory_);
        std::swap(capacity_, other.capacity_);
        return *this;
    }
    ~Buffer();

    explicit operator bool() const { return pool_ != nullptr; }
    std::byte* data() const { return memory_; }
    std::size_t capacity() const { return capacity_; }
    std::span<std::byte> first(std::size_t size) const { return {memory_, size}; }

  private:
    friend class BufferPool;
    Buffer(BufferPool* pool, std::byte* memory, std::size_t capacity)
        : pool_(pool), memory_(memory), capacity_(capacity) {}

    BufferPool* pool_ = nullptr;
    std::byte* memory_ = nullptr;
    std::size_t capacity_ = 0;
};

class BufferPool {
  public:
    BufferPool() = default;
    BufferPool(const BufferPool&) = delete;
    BufferPool& operator=(const BufferPool&) = delete;

    // At least `size` bytes, aligned to 4096.
    Buffer take(std::size_t size);
    // Kept for reuse now, by all pools of this thread.
    static std::size_t free_bytes() { return common().bytes; }

  private:
    friend class Buffer;
    struct Free {
        ~Free();
        std::map<std::size_t, std::vector<std::byte*>> by_capacity;
        std::size_t bytes = 0;
    };
    static Free& common();
    void give_back(std::byte* memory, std::size_t capacity) noexcept;
};

} // namespace mars::exports
