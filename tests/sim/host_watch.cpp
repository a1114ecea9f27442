// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/sim/host_watch.hpp"

#include <algorithm>

#include "kernel/base/number.hpp"
#include "tests/sim/run.hpp"

namespace mars::sim {

using namespace std::chrono_literals;

namespace {
constexpr std::uint64_t kMostOpens = 200; // files per second; fifty are many
constexpr std::uint64_t kOpensPerLog = 3; // when marsd starts, it looks at all that are there
constexpr const char* kLimit = "/sync-limit";
constexpr Duration kLimitHeard = 10s; // until marsd knows a new limit for certain
} // namespace

void HostWatch::look(Node& node, const std::string& path) {
    if (!node.has_started || node.is_stopping) return;
    auto& seen = seen_[&node];
    check_copies(node, seen, path.ends_with(kLimit));
    const auto now = run_.cluster.world().now();
    if (now - seen.at < 1s) return;
    check_memory(node); // what was counted wrong stays wrong
    check_opens(node, seen);
    seen.at = now;
}

std::uint64_t HostWatch::logs_on(const Node& node) const {
    std::uint64_t logs = 0;
    for (auto& resource : run_.cluster.resources())
        for (auto& name : node.machine.filesystem().names_in(resource->directory()))
            if (name.starts_with("log-")) ++logs;
    return logs;
}

void HostWatch::check_memory(const Node& node) {
    const auto& memory = node.daemon->manager().memory();
    if (memory.used() != memory.used_by_accounts())
        run_.report(node.name() + ": " + std::to_string(memory.used()) + " bytes of memory for writes are in use, " +
                    "expected what the resources use, found " + std::to_string(memory.used_by_accounts()));
}

// Who tries the same again and again, without a pause that deserves the name, opens its files each time.
void HostWatch::check_opens(const Node& node, Seen& seen) {
    const auto opens = node.machine.filesystem().opens;
    const auto span = std::max(run_.cluster.world().now() - seen.at, Duration(1s));
    const auto rate = (opens - seen.opens) / static_cast<std::uint64_t>(span / 1s);
    if (rate > kMostOpens)
        if (const auto most = kMostOpens + kOpensPerLog * logs_on(node); rate > most)
            run_.report(node.name() + " opens " + std::to_string(rate) + " files per second, expected " +
                        std::to_string(most) + " at most: something is tried again without an end");
    seen.opens = opens;
}

// Copies that had begun before a limit came may go on.
void HostWatch::check_copies(const Node& node, Seen& seen, bool has_new_limit) {
    const auto now = run_.cluster.world().now();
    if (has_new_limit) {
        const auto limit = run_.cluster.link(node, "/mars/defaults-" + node.name() + kLimit);
        seen.limit = parse_number<std::size_t>(limit).value_or(0);
        seen.limit_at = now;
    }
    const auto copies = node.daemon->manager().syncs();
    seen.earlier = now - seen.limit_at < kLimitHeard ? copies : std::min(seen.earlier, copies);
    if (seen.limit > 0 && copies > std::max(seen.limit, seen.earlier))
        run_.report(node.name() + ": " + std::to_string(copies) + " copies are made at a time, expected " +
                    std::to_string(seen.limit) + " at most (sync-limit)");
}

} // namespace mars::sim
