// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/sim/write_history.hpp"

#include <algorithm>
#include <cstring>

namespace mars::sim {

namespace {

// The content of a sector made by write `number`: the number itself all over, and the sector's place in it.
void fill(std::span<std::byte> sector, std::uint64_t number, std::uint64_t place) {
    for (std::size_t at = 0; at + 16 <= sector.size(); at += 16) {
        std::memcpy(sector.data() + at, &number, 8);
        std::memcpy(sector.data() + at + 8, &place, 8);
    }
}

} // namespace

bool WriteHistory::is_of_one_write(std::span<const std::byte> data, std::uint64_t first) {
    std::uint64_t number = 0;
    if (data.size() < kSector || data.size() % kSector != 0) return false;
    std::memcpy(&number, data.data(), 8);
    std::vector<std::byte> expected(kSector);
    for (std::size_t at = 0; at < data.size(); at += kSector) {
        fill(expected, number, first + at / kSector);
        if (std::memcmp(expected.data(), data.data() + at, kSector) != 0) return false;
    }
    return true;
}

std::optional<WriteHistory::Started> WriteHistory::start(std::uint64_t first, std::uint64_t sectors) {
    for (auto s = first; s < first + sectors; ++s)
        if (!sectors_[s].empty() && writes_[sectors_[s].back() - 1].under_way) return std::nullopt;
    writes_.push_back(Write{first, sectors, ++time_, 0, true});
    Started started;
    started.number = writes_.size();
    started.data.resize(sectors * kSector);
    for (std::uint64_t i = 0; i < sectors; ++i) {
        sectors_[first + i].push_back(started.number);
        fill(std::span(started.data).subspan(i * kSector, kSector), started.number, first + i);
    }
    return started;
}

void WriteHistory::acknowledge(std::uint64_t number) {
    auto& write = writes_[number - 1];
    write.under_way = false;
    write.acknowledged_at = ++time_;
    ++acknowledged_;
}

void WriteHistory::abandon(std::uint64_t number) {
    writes_[number - 1].under_way = false;
}

void WriteHistory::give_up(std::uint64_t last, std::span<const std::byte> content) {
    std::string wrong;
    for (std::uint64_t s = 0; s < sectors_.size(); ++s) {
        const auto index = shown(content.subspan(s * kSector, kSector), s, wrong);
        if (!index) continue; // it is being written to
        for (auto later = *index; later < sectors_[s].size(); ++later)
            if (sectors_[s][later] <= last) writes_[sectors_[s][later] - 1].acknowledged_at = 0;
    }
}

std::string WriteHistory::describe(std::uint64_t number, std::uint64_t sector) const {
    const auto& write = writes_[number - 1];
    return "write " + std::to_string(number) + " (sectors " + std::to_string(write.first) + "+" +
           std::to_string(write.count) + ", started " + std::to_string(write.started_at) + ", acknowledged " +
           std::to_string(write.acknowledged_at) + ") at sector " + std::to_string(sector);
}

std::optional<std::size_t> WriteHistory::shown(std::span<const std::byte> bytes, std::uint64_t sector,
                                               std::string& wrong) const {
    std::uint64_t number = 0;
    std::memcpy(&number, bytes.data(), 8);
    std::vector<std::byte> expected(kSector);
    if (number != 0) fill(expected, number, sector);
    if (!std::equal(bytes.begin(), bytes.end(), expected.begin())) {
        wrong = "sector " + std::to_string(sector) + " is torn or foreign (begins with number " +
                std::to_string(number) + ")";
        return std::nullopt;
    }
    if (number == 0) return 0;
    const auto& list = sectors_[sector];
    auto found = std::find(list.begin(), list.end(), number);
    if (found == list.end()) {
        wrong =
            "sector " + std::to_string(sector) + " shows write " + std::to_string(number) + ", which never went there";
        return std::nullopt;
    }
    return static_cast<std::size_t>(found - list.begin()) + 1;
}

std::string WriteHistory::check_read(std::uint64_t first, std::span<const std::byte> data, std::uint64_t began) const {
    std::string wrong;
    for (std::uint64_t i = 0; i < data.size() / kSector; ++i) {
        auto index = shown(data.subspan(i * kSector, kSector), first + i, wrong);
        if (!index) return wrong;
        const auto& list = sectors_[first + i];
        for (auto later = *index; later < list.size(); ++later) {
            const auto acknowledged = writes_[list[later] - 1].acknowledged_at;
            if (acknowledged && acknowledged <= began) return "too old: " + describe(list[later], first + i);
        }
    }
    return {};
}

std::string WriteHistory::check_durable(std::span<const std::byte> content) const {
    std::string wrong;
    for (std::uint64_t s = 0; s < sectors_.size(); ++s) {
        auto index = shown(content.subspan(s * kSector, kSector), s, wrong);
        if (!index) return wrong;
        for (auto later = *index; later < sectors_[s].size(); ++later)
            if (writes_[sectors_[s][later] - 1].acknowledged_at) return "lost: " + describe(sectors_[s][later], s);
    }
    return {};
}

std::string WriteHistory::check_prefix(std::span<const std::byte> content) const {
    std::string wrong;
    std::uint64_t newest_start = 0, newest = 0;
    std::vector<std::size_t> shown_index(sectors_.size());
    for (std::uint64_t s = 0; s < sectors_.size(); ++s) {
        auto index = shown(content.subspan(s * kSector, kSector), s, wrong);
        if (!index) return wrong;
        shown_index[s] = *index;
        if (*index == 0) continue;
        const auto number = sectors_[s][*index - 1];
        if (writes_[number - 1].started_at > newest_start) {
            newest_start = writes_[number - 1].started_at;
            newest = number;
        }
    }
    for (std::uint64_t s = 0; s < sectors_.size(); ++s)
        for (auto later = shown_index[s]; later < sectors_[s].size(); ++later) {
            const auto& write = writes_[sectors_[s][later] - 1];
            if (write.acknowledged_at && write.acknowledged_at < newest_start)
                return "not a prefix: " + describe(sectors_[s][later], s) + " is missing, but " + describe(newest, s) +
                       " was started after its acknowledgement and is there";
        }
    return {};
}

} // namespace mars::sim
