// SPDX-License-Identifier: GPL-2.0-or-later
// Host: what all controllers of one daemon share, and the tunables of the daemon. Filled in by the Manager.
#pragma once

#include <functional>
#include <string>

#include "kernel/block/limiter.hpp"
#include "kernel/block/memory_budget.hpp"
#include "kernel/block/turns.hpp"
#include "kernel/block/write_path.hpp"
#include "kernel/env/env.hpp"
#include "kernel/export/provider.hpp"
#include "kernel/format/digest.hpp"
#include "kernel/resource/handover_watch.hpp"
#include "kernel/resource/questions.hpp"
#include "kernel/tree/handover_note.hpp"
#include "kernel/tree/tree.hpp"

namespace mars::resource {

// Spec: transaction-log 14, symlink-tree 11.
struct Tunables {
    Duration scan_interval = std::chrono::seconds(5);       // a round happens at least this often
    Duration report_interval = std::chrono::seconds(2);     // positions are published at most this often
    Duration alive_window = std::chrono::seconds(30);       // a host not heard of for longer is not alive
    Duration sync_flip_interval = std::chrono::seconds(60); // below 8 s: never flip
    Duration start_guard = std::chrono::seconds(10); // nobody is designated before, unless all peers have answered
    std::uint64_t memory_limit_bytes = std::uint64_t(256) << 20;
    std::uint64_t rotate_bytes = std::uint64_t(32) << 30; // automatic rotation; 0: off
    std::uint16_t tree_port = 7777;
    std::uint16_t log_port = 7778;
    std::uint16_t sync_port = 7779;
    IsProcessAlive is_process_alive = tree::is_process_alive; // of a marsadm on this host
    std::string state_directory; // outside of /mars, for the marks of what was written; empty: none are kept
};

struct Host {
    env::Env& env;
    tree::Tree& tree;
    exports::Provider& exports;
    Tunables tunables;
    block::MemoryBudget memory;
    std::unique_ptr<block::WritePathProvider> write_paths; // at first: of Loggers in `memory`
    Questions questions;
    block::Turns digests;    // of all that is compared
    std::size_t syncs = 0;   // that run now, from other hosts to here
    bool has_untold = false; // marsd ends without having told where its writes end: as if it had crashed
    // The checksums and compressions that records of logs may have: all hosts know them, nobody has switched them off.
    std::function<format::KindMask()> log_kinds;
    // False during the start guard.
    std::function<bool(const std::string& resource)> may_be_designated;
    std::function<int()> emergency_level;
    // Size in bytes of the filesystem below /mars; 0: not known yet.
    std::function<std::uint64_t()> total_bytes;
    // It answers now, or news of it arrive by others.
    std::function<bool(const std::string& host)> is_reachable;
    // All that this host had to tell when it connected is here, at least once since the start.
    std::function<bool(const std::string& host)> has_answered;

    // One more sync may begin: `defaults-ME/sync-limit`, else `defaults/sync-limit`.
    bool may_sync() const;
    // Its marsd has been heard of lately.
    bool is_alive(const std::string& host) const;
    const std::string& me() const { return env.hostname(); }
    Host(env::Env& e, tree::Tree& t, exports::Provider& x, Tunables u);
};

} // namespace mars::resource
