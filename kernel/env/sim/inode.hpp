// SPDX-License-Identifier: GPL-2.0-or-later
// Inode: contents of one file or disk, in two versions: as programs see it now, and what would survive a power cut.
// Each write that no sync has covered survives, is lost, or is torn by sectors, independently.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <vector>

#include "kernel/base/stamp.hpp"
#include "kernel/env/sim/world.hpp"

namespace mars::env::sim {

inline constexpr std::uint64_t kSector = 512; // bytes

struct Inode {
    struct Write {
        std::uint64_t number;
        std::uint64_t offset;
        std::vector<std::byte> data; // empty with `resized`: the file was cut or extended to `offset`
        bool resized = false;
    };
    std::uint64_t number = 0;
    std::vector<std::byte> current;
    std::vector<std::byte> durable;
    std::vector<Write> unsynced;        // in order of submission
    std::set<std::uint64_t> unreadable; // sectors of 512 bytes; writing one heals it
    Stamp mtime;
    bool is_device = false;
    bool is_gone = false; // was pulled: whoever has it open gets errors for ever
    int openers = 0;
    int exclusive_openers = 0;
    std::uint64_t boots = 0; // of its machine: openers before the last power cut do not count

    void write(Write write);
    // What a sync covers: writes with lower numbers. A failed one has written some of them, and never will the others.
    void make_durable(std::uint64_t mark);
    void lose(std::uint64_t mark, SeededRandom& random);
    void tear(SeededRandom& random);

    // False: the medium gives nothing for some of these bytes. For writes: some sector is covered in part only.
    bool can_read(std::uint64_t offset, std::uint64_t length) const;
    bool can_write(std::uint64_t offset, std::uint64_t length) const;
    // The medium changes its mind about a byte: bits of it are flipped, whoever reads it, until it is written.
    void flip(std::uint64_t offset, std::byte bits);
};

} // namespace mars::env::sim
