// SPDX-License-Identifier: GPL-2.0-or-later
// DiskWitness: what this host knows of a disk that it has worked with, kept in a file that never leaves the host, and
// the proof, made from it and from the logs, that a disk found at an attach is that disk with that content.
// Format: docs/formats/witness.md. Tests: tests/unit/block/disk_witness_test.cpp, tests/e2e/disk_proof_test.py,
// mars-sim.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/block/disk.hpp"
#include "kernel/env/env.hpp"
#include "kernel/format/log_name.hpp"

namespace mars::block {

struct DiskWitness {
    // Everything below `at` was on the disk when the sums were taken. Records from there on may have changed blocks, so
    // what they cover proves nothing. Always a record boundary.
    format::LogPosition at;
    std::uint64_t disk_bytes = 0;
    std::string identity;                      // as Storage::identity() tells; empty: the store has none
    Stamp attached;                            // real time of the attach
    std::map<std::uint64_t, std::string> sums; // block number → 16 hexadecimal digits of each sector

    std::string text() const;
    static result<DiskWitness> parse(std::string_view text);
};

// A local log, in the order in which replay goes through them.
struct WitnessLog {
    format::LogName name;
    std::string path;
    std::int64_t length = 0;
};

struct WitnessQuestion {
    std::vector<WitnessLog> logs; // ascending, contiguous numbers; those before the witness do no harm
    format::LogPosition position; // replay has applied everything before
};

struct DiskMismatch {
    std::uint64_t offset = 0; // bytes, of the first block that differs
    std::size_t differing = 0, compared = 0;
    std::string writer; // the host whose record wrote it last; empty: known by its checksum only
};

struct DiskProof {
    std::size_t compared = 0; // blocks
    std::optional<DiskMismatch> mismatch;
};

// Takes the checksums of up to 256 blocks that the records of [before, at) wrote, and of 64 random ones. The disk may
// be in use: whatever is written meanwhile belongs to records behind `at`. Errors: those of reading the disk.
env::task<result<DiskWitness>> take_witness(env::Env& env, Disk& disk, WitnessQuestion now,
                                            std::optional<DiskWitness> before);

// Compares the disk with the newest version of the blocks that records from the witness to the position wrote, and
// with the checksums of others: at most 4096 blocks, and no more than about 2 s once 64 have been compared. What
// differs must be, sector by sector, what a record behind the position wrote, as such writes may have been under way
// (10 s of reading these at most). Errors: those of reading the disk.
env::task<result<DiskProof>> prove_disk(env::Env& env, Disk& disk, WitnessQuestion now, DiskWitness witness);

} // namespace mars::block
