// SPDX-License-Identifier: GPL-2.0-or-later
// Context: what is viewed, from where, with which options; refers to a tree and to an Outside, owned by the caller.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "kernel/base/stamp.hpp"
#include "kernel/tree/view.hpp"
#include "macros/language/setup.hpp"

namespace mars::macros {

struct Options {
    std::int64_t timeout = 600;          // seconds
    std::int64_t threshold = 10'485'760; // bytes
    std::int64_t window = 60;            // seconds
    std::int64_t fresh = 5;              // seconds: older news are told with their age
    std::int64_t stuck_seconds = 3600;
    std::int64_t keep_backup_hours = 168;
    int force = 0;
    int dry_run = 0;
    int verbose = 0;
    bool ignore_deleted_peers = true;
};

struct Context : Setup {
    Context(const tree::View& seen, Outside& world, std::string acting_host)
        : Setup(world), view(seen), host(std::move(acting_host)) {}

    const tree::View& view;
    std::string host;               // acting host (--host=)
    std::string real_host{};        // of this machine; empty: same as `host`
    std::string ip{};               // of the acting host; empty: looked up in the tree
    std::string mars_dir = "/mars"; // how paths of the tree begin in macro text
    std::optional<Stamp> now{};     // freezes both clocks (--now=)
    Options options{};
};

} // namespace mars::macros
