// SPDX-License-Identifier: GPL-2.0-or-later
// Situations of a whole simulated cluster, one per test: what the random scenarios of mars-sim meet rarely or never.
#pragma once

#include <catch2/catch.hpp>

#include <chrono>
#include <string>
#include <vector>

#include "kernel/format/replay_link.hpp"
#include "kernel/format/version_link.hpp"
#include "tests/sim/cluster.hpp"

namespace mars::test {

using namespace std::chrono_literals;

// Hosts "hosta", "hostb", … with one resource; hosta is primary, the others have everything. Nobody writes.
struct Situation {
    explicit Situation(std::size_t hosts = 2, std::uint64_t seed = 1) : cluster(seed, hosts) {
        const auto wrong = cluster.set_up();
        INFO(wrong);
        REQUIRE(wrong.empty());
        REQUIRE(eventually([&] { return cluster.history().acknowledged() > 50; }));
        REQUIRE(rest());
    }

    sim::Node& host(std::size_t i) { return cluster.node(i); }
    std::string key(std::size_t on, const std::string& name) { return cluster.link(host(on), host(on).path(name)); }
    bool eventually(const std::function<bool()>& condition, Duration limit = 60s) {
        return cluster.world().run_until(condition, limit);
    }
    // The application stops; true when all hosts have everything.
    bool rest() {
        for (std::size_t i = 0; i < cluster.size(); ++i)
            if (!cluster.stop_application(host(i))) return false;
        cluster.world().run_for(4s); // what was written last is published, too
        return eventually([&] { return is_level(); });
    }
    // All hosts have applied all that the primary has written, and everybody knows it.
    bool is_level() {
        for (std::size_t on = 0; on < cluster.size(); ++on)
            for (std::size_t of = 0; of < cluster.size(); ++of) {
                const auto name = host(of).machine.name();
                const auto synced = key(on, "syncstatus-" + name);
                if (synced != std::to_string(sim::kDiskBytes)) return false;
                if (key(on, "replay-" + name) != key(0, "replay-hosta")) return false;
            }
        const auto replay = format::ReplayLink::parse(key(0, "replay-hosta"));
        if (!replay || replay->dirty != 0) return false;
        // What is acknowledged and not yet written back is told by the version link.
        const auto version = format::VersionLink::parse(key(0, format::version_key(replay->log.seq, "hosta")));
        return version && version->length == replay->pos;
    }

    sim::Cluster cluster;
};

} // namespace mars::test
