// SPDX-License-Identifier: GPL-2.0-or-later
// ExtentMap: the newest data of a device that is not on its disk yet: pieces of memory by their offset on the device,
// never overlapping; inserting hides what was there before. The memory is shared with whoever else looks at it, and
// immutable. A value, one thread. Tests: tests/unit/block/extent_map_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>

namespace mars::block {

// Bytes within a larger buffer, which they keep alive.
struct Piece {
    std::shared_ptr<const std::byte> data;
    std::size_t bytes = 0;

    std::span<const std::byte> span() const { return {data.get(), bytes}; }
    // Bytes [from, to) of it.
    Piece slice(std::size_t from, std::size_t to) const;
};

class ExtentMap {
    using Map = std::map<std::uint64_t, Piece>;

  public:
    // `piece` becomes the data of [offset, offset + piece.bytes), at least one byte.
    void insert(std::uint64_t offset, Piece piece);
    // Everything in `newer` is inserted. Leaves `newer` empty.
    void merge(ExtentMap&& newer);
    // Forgets the first `count` pieces, or all. Large maps are best forgotten in portions: each piece costs time.
    void drop_first(std::size_t count);
    // Inserts into `other` what this map has of [begin, end).
    void copy_range(std::uint64_t begin, std::uint64_t end, ExtentMap& other) const;

    // Pieces in ascending order: pairs of (offset, Piece).
    Map::const_iterator begin() const { return pieces_.begin(); }
    Map::const_iterator end() const { return pieces_.end(); }
    bool empty() const { return pieces_.empty(); }
    std::size_t size() const { return pieces_.size(); }
    // Bytes of the device that have data here.
    std::uint64_t bytes() const { return bytes_; }

  private:
    void insert_node(Map::node_type node);
    Map::iterator carve(std::uint64_t begin, std::uint64_t end);

    Map pieces_;
    std::uint64_t bytes_ = 0;
};

} // namespace mars::block
