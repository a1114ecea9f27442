// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/env/sim/inode.hpp"

#include <algorithm>

namespace mars::env::sim {

namespace {

void put(std::vector<std::byte>& content, std::uint64_t offset, std::span<const std::byte> data) {
    if (content.size() < offset + data.size()) content.resize(offset + data.size());
    std::copy(data.begin(), data.end(), content.begin() + static_cast<std::ptrdiff_t>(offset));
}

void replay(std::vector<std::byte>& content, const Inode::Write& write) {
    if (write.resized)
        content.resize(write.offset);
    else
        put(content, write.offset, write.data);
}

} // namespace

void Inode::write(Write write) {
    replay(current, write);
    const auto end = write.offset + write.data.size();
    const auto first = (write.offset + kSector - 1) / kSector;
    const auto behind = end == current.size() ? (end + kSector - 1) / kSector : end / kSector;
    if (write.resized)
        unreadable.erase(unreadable.lower_bound(first), unreadable.end());
    else if (first < behind)
        unreadable.erase(unreadable.lower_bound(first), unreadable.lower_bound(behind));
    unsynced.push_back(std::move(write));
}

void Inode::make_durable(std::uint64_t mark) {
    const auto covered =
        std::find_if(unsynced.begin(), unsynced.end(), [mark](const Write& w) { return w.number >= mark; });
    for (auto it = unsynced.begin(); it != covered; ++it) replay(durable, *it);
    unsynced.erase(unsynced.begin(), covered);
}

void Inode::lose(std::uint64_t mark, SeededRandom& random) {
    const auto covered =
        std::find_if(unsynced.begin(), unsynced.end(), [mark](const Write& w) { return w.number >= mark; });
    for (auto it = unsynced.begin(); it != covered; ++it)
        if (it->resized || random.chance(50)) replay(durable, *it);
    unsynced.erase(unsynced.begin(), covered);
}

void Inode::tear(SeededRandom& random) {
    for (auto& write : unsynced) {
        const auto fate = random.below(3);
        if (fate == 0) continue;
        if (fate == 1 || write.resized) {
            replay(durable, write);
            continue;
        }
        for (std::uint64_t at = 0; at < write.data.size(); at += kSector)
            if (random.chance(50)) {
                const auto length = std::min<std::uint64_t>(kSector, write.data.size() - at);
                put(durable, write.offset + at, std::span(write.data).subspan(at, length));
            }
    }
    unsynced.clear();
    current = durable;
    openers = exclusive_openers = 0;
    ++boots;
}

bool Inode::can_read(std::uint64_t offset, std::uint64_t length) const {
    const auto first = unreadable.lower_bound(offset / kSector);
    return first == unreadable.end() || *first * kSector >= offset + length;
}

bool Inode::can_write(std::uint64_t offset, std::uint64_t length) const {
    const auto end = offset + length;
    const bool begins_inside = offset % kSector != 0 && unreadable.contains(offset / kSector);
    const bool ends_inside = end % kSector != 0 && end < current.size() && unreadable.contains(end / kSector);
    return !begins_inside && !ends_inside;
}

void Inode::flip(std::uint64_t offset, std::byte bits) {
    for (auto* content : {&current, &durable})
        if (offset < content->size()) (*content)[static_cast<std::size_t>(offset)] ^= bits;
}

} // namespace mars::env::sim
