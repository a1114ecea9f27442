// SPDX-License-Identifier: GPL-2.0-or-later
// AlignedBuffer: memory that direct I/O takes: its address and size are multiples of 4096.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <utility>

namespace mars::block {

inline constexpr std::size_t kBlockBytes = 4096; // what direct I/O wants offsets, lengths and memory to be multiples of
inline constexpr std::size_t kSectorBytes = 512; // what our devices are made of

constexpr std::uint64_t block_floor(std::uint64_t value) {
    return value / kBlockBytes * kBlockBytes;
}
constexpr std::uint64_t block_ceil(std::uint64_t value) {
    return block_floor(value + kBlockBytes - 1);
}

inline bool is_block_aligned(const std::byte* memory) {
    return reinterpret_cast<std::uintptr_t>(memory) % kBlockBytes == 0;
}

class AlignedBuffer {
  public:
    AlignedBuffer() = default;
    // Uninitialised; `bytes` is rounded up to whole blocks.
    explicit AlignedBuffer(std::size_t bytes)
        : size_(static_cast<std::size_t>(block_ceil(bytes))),
          data_(static_cast<std::byte*>(::operator new(size_, std::align_val_t(kBlockBytes)))) {}
    AlignedBuffer(AlignedBuffer&& other) noexcept
        : size_(std::exchange(other.size_, 0)), data_(std::exchange(other.data_, nullptr)) {}
    AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
        std::swap(size_, other.size_);
        std::swap(data_, other.data_);
        return *this;
    }
    ~AlignedBuffer() { ::operator delete(data_, std::align_val_t(kBlockBytes)); }

    std::size_t size() const { return size_; }
    std::byte* data() { return data_; }
    std::span<std::byte> first(std::size_t bytes) { return std::span(data_, size_).first(bytes); }

  private:
    std::size_t size_ = 0;
    std::byte* data_ = nullptr;
};

} // namespace mars::block
