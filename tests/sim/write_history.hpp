// SPDX-License-Identifier: GPL-2.0-or-later
// WriteHistory: what an application has written to one resource and been told about it, over all its primaries, and
// whether a disk's content agrees with that. Every 512-byte sector carries the number of the write that made it.
// The application never has two overlapping writes under way, so each sector's writes are totally ordered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace mars::sim {

inline constexpr std::uint64_t kSector = 512;

class WriteHistory {
  public:
    explicit WriteHistory(std::uint64_t device_bytes) : sectors_(device_bytes / kSector) {}

    // Whole sectors as one write has put them to sector `first` and on, with nothing torn or foreign among them.
    static bool is_of_one_write(std::span<const std::byte> data, std::uint64_t first);

    // A new write of `sectors` sectors at sector `first`, from now on under way; nullopt when it would overlap another.
    struct Started {
        std::uint64_t number;
        std::vector<std::byte> data;
    };
    std::optional<Started> start(std::uint64_t first, std::uint64_t sectors);
    // The write was acknowledged (completed with success).
    void acknowledge(std::uint64_t number);
    // It failed, or its host crashed: it may have happened or not.
    void abandon(std::uint64_t number);

    // Of the writes up to `last`, those that `content` does not show are lost, and somebody has agreed to that: they
    // may be there or not.
    void give_up(std::uint64_t last, std::span<const std::byte> content);

    std::uint64_t sectors() const { return sectors_.size(); }
    std::uint64_t started() const { return writes_.size(); }
    std::uint64_t acknowledged() const { return acknowledged_; }

    // Logical time: grows with each start and acknowledgement.
    std::uint64_t logical_time() const { return time_; }
    // A read of whole sectors that began at logical time `began`: shows nothing older than what was acknowledged then.
    std::string check_read(std::uint64_t first, std::span<const std::byte> data, std::uint64_t began) const;

    // Invariant 1: every acknowledged write is there, or a later one in its place. Empty when it holds, else what is
    // wrong.
    std::string check_durable(std::span<const std::byte> content) const;
    // Invariant 2: the content is that after some prefix of the writes: no write is missing that was acknowledged
    // before one was started that is there.
    std::string check_prefix(std::span<const std::byte> content) const;

  private:
    struct Write {
        std::uint64_t first, count;
        std::uint64_t started_at;      // in logical time
        std::uint64_t acknowledged_at; // 0: not (yet)
        bool under_way = true;
    };
    // Index into sectors_[s] of the write whose data sector s shows: 0 for "never written", 1 for the first, …
    std::optional<std::size_t> shown(std::span<const std::byte> bytes, std::uint64_t sector, std::string& wrong) const;
    std::string describe(std::uint64_t number, std::uint64_t sector) const;

    std::vector<std::vector<std::uint64_t>> sectors_; // per sector, the numbers of its writes in order
    std::vector<Write> writes_;                       // number 1 is writes_[0]
    std::uint64_t time_ = 0;
    std::uint64_t acknowledged_ = 0;
};

} // namespace mars::sim
