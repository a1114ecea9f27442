// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/block/extent_map.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace mars::block {

Piece Piece::slice(std::size_t from, std::size_t to) const {
    return {std::shared_ptr<const std::byte>(data, data.get() + from), to - from};
}

// Removes [begin, end) from all pieces. Returns the first piece behind it.
ExtentMap::Map::iterator ExtentMap::carve(std::uint64_t begin, std::uint64_t end) {
    auto it = pieces_.lower_bound(begin);
    if (it != pieces_.begin()) {
        auto before = std::prev(it);
        const std::uint64_t before_end = before->first + before->second.bytes;
        if (before_end > begin) {
            Piece whole = before->second;
            before->second = whole.slice(0, begin - before->first);
            bytes_ -= std::min(before_end, end) - begin;
            if (before_end > end) return pieces_.emplace_hint(it, end, whole.slice(end - before->first, whole.bytes));
        }
    }
    while (it != pieces_.end() && it->first < end) {
        const std::uint64_t piece_end = it->first + it->second.bytes;
        bytes_ -= std::min(piece_end, end) - it->first;
        if (piece_end > end) {
            Piece rest = it->second.slice(end - it->first, it->second.bytes);
            it = pieces_.erase(it);
            return pieces_.emplace_hint(it, end, std::move(rest));
        }
        it = pieces_.erase(it);
    }
    return it;
}

void ExtentMap::insert(std::uint64_t offset, Piece piece) {
    auto next = carve(offset, offset + piece.bytes);
    bytes_ += piece.bytes;
    pieces_.emplace_hint(next, offset, std::move(piece));
}

void ExtentMap::insert_node(Map::node_type node) {
    auto next = carve(node.key(), node.key() + node.mapped().bytes);
    bytes_ += node.mapped().bytes;
    pieces_.insert(next, std::move(node));
}

void ExtentMap::merge(ExtentMap&& newer) {
    if (pieces_.empty()) {
        std::swap(*this, newer);
        return;
    }
    while (!newer.pieces_.empty()) insert_node(newer.pieces_.extract(newer.pieces_.begin()));
    newer.bytes_ = 0;
}

void ExtentMap::drop_first(std::size_t count) {
    for (; count > 0 && !pieces_.empty(); --count) {
        bytes_ -= pieces_.begin()->second.bytes;
        pieces_.erase(pieces_.begin());
    }
}

void ExtentMap::copy_range(std::uint64_t begin, std::uint64_t end, ExtentMap& other) const {
    if (begin == end) return;
    auto it = pieces_.lower_bound(begin);
    if (it != pieces_.begin()) {
        auto before = std::prev(it);
        if (before->first + before->second.bytes > begin) it = before;
    }
    for (; it != pieces_.end() && it->first < end; ++it) {
        const std::uint64_t from = std::max(begin, it->first);
        const std::uint64_t to = std::min(end, it->first + it->second.bytes);
        other.insert(from, it->second.slice(from - it->first, to - it->first));
    }
}

} // namespace mars::block
