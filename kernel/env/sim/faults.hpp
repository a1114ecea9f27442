// SPDX-License-Identifier: GPL-2.0-or-later
// Faults: what goes wrong with the storage of one simulated machine, as rows: which operations on which names, when,
// how often, and what happens to them then. Nothing is drawn from the world's randomness while no row applies.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/env/env.hpp"
#include "kernel/env/sim/world.hpp"

namespace mars::env::sim {

// Classes of operations. look: names and attributes are read (read_symlink, status, list).
enum class Operation { open, read, write, sync, symlink, create, rename, remove, sync_names, look };

std::string_view name_of(Operation operation);

inline constexpr Duration kForEver{std::numeric_limits<std::int64_t>::max()};

struct Fault {
    // What it concerns.
    std::vector<Operation> operations = {}; // empty: all
    std::string pattern = {};               // of the path; '*' stands for any characters
    Duration from{0};                       // in virtual time
    Duration to = kForEver;                 // not included
    std::uint64_t percent = 100;            // of these operations, by chance
    std::uint64_t times = 0;                // it is over after so many; 0: never

    // What happens to these operations.
    int error = 0;             // they fail with this errno, and have had no effect; a sync has lost some of the data
    bool is_in_parts = false;  // reads and writes take several steps; with `error`, some part of them has happened
    std::uint64_t slower = 1;  // they take so many times as long
    bool stands_still = false; // they wait until `to`, or until the row is removed; nothing can interrupt them. Names
                               // and attributes are in the kernel's caches: only what suspends waits.
    bool is_hollow = false;    // a sync reports success, and nothing is durable
};

bool matches(std::string_view pattern, std::string_view path);

class Faults {
  public:
    explicit Faults(World& world) : world_(world) {}

    int add(Fault fault); // its number
    void remove(int number);
    void clear();
    bool is_empty() const { return rows_.empty(); }
    // How many operations it has hit; also after its end, not after clear().
    std::uint64_t hits(int number) const;

    // What happens to one operation, all rows together. To be asked once for each.
    struct Verdict {
        int error = 0;
        bool is_in_parts = false;
        std::uint64_t slower = 1;
        bool is_hollow = false;
    };
    Verdict judge(Operation operation, const std::string& path);

    // Waits while the operation stands still.
    task<void> wait(ParkingLot& lot, Operation operation, std::string path);

  private:
    struct Row {
        Fault fault;
        std::uint64_t hits = 0;
        bool is_over = false;
    };
    bool concerns(const Row& row, Operation operation, const std::string& path) const;
    bool stands_still(Operation operation, const std::string& path) const;
    void wake();

    World& world_;
    std::map<int, Row> rows_;
    int next_ = 1;
    std::vector<std::weak_ptr<Waiter<bool>>> waiting_;
};

} // namespace mars::env::sim
