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

inline constexpr const char* kResource = "data";
inline constexpr const char* kDisk = "/disks/data";
inline constexpr std::uint64_t kDiskBytes = 512 * 1024;

inline std::string path_of(const std::string& key) {
    return std::string("/mars/resource-") + kResource + "/" + key;
}

inline sim::Plan plan_of_one_resource(std::size_t hosts) {
    sim::Plan plan;
    plan.hosts = hosts;
    plan.memory_bytes = 256 * 1024;
    plan.resources.push_back({kResource, kDiskBytes, {}});
    for (std::size_t i = 0; i < hosts; ++i) plan.resources.back().members.push_back(i);
    return plan;
}

// Hosts "hosta", "hostb", … with one resource; hosta is primary, the others have everything. Nobody writes.
struct Situation {
    explicit Situation(std::size_t hosts = 2, std::uint64_t seed = 1)
        : cluster(seed, plan_of_one_resource(hosts), story) {
        story.follow(cluster.world());
        const auto wrong = cluster.set_up();
        INFO(wrong);
        REQUIRE(wrong.empty());
        REQUIRE(eventually([&] { return history().acknowledged() > 50; }));
        REQUIRE(rest());
    }

    sim::Node& host(std::size_t i) { return cluster.node(i); }
    std::string key(std::size_t on, const std::string& name) { return cluster.link(host(on), path_of(name)); }
    sim::SimResource& resource() { return *cluster.resources().front(); }
    sim::WriteHistory& history() { return resource().history; }
    std::vector<sim::Node*> hosts_with_device() { return cluster.hosts_with_device(resource()); }
    void start_application(sim::Node& node) { cluster.start_application(node, resource()); }
    bool stop_application(sim::Node& node) { return cluster.stop_application(node, resource()); }
    sim::VerbResult run_verb(sim::Node& node, std::vector<std::string> words, Duration limit = 120s) {
        return cluster.commands().run(node, std::move(words), limit);
    }
    bool eventually(const std::function<bool()>& condition, Duration limit = 60s) {
        return cluster.world().run_until(condition, limit);
    }
    // The application stops; true when all hosts have everything.
    bool rest() {
        for (std::size_t i = 0; i < cluster.size(); ++i)
            if (!stop_application(host(i))) return false;
        cluster.world().run_for(4s); // what was written last is published, too
        return eventually([&] { return is_level(); });
    }
    // All hosts have applied all that the primary has written, and everybody knows it.
    bool is_level() {
        for (std::size_t on = 0; on < cluster.size(); ++on)
            for (std::size_t of = 0; of < cluster.size(); ++of) {
                const auto name = host(of).machine.name();
                const auto synced = key(on, "syncstatus-" + name);
                if (synced != std::to_string(kDiskBytes)) return false;
                if (key(on, "replay-" + name) != key(0, "replay-hosta")) return false;
            }
        const auto replay = format::ReplayLink::parse(key(0, "replay-hosta"));
        if (!replay || replay->dirty != 0) return false;
        // What is acknowledged and not yet written back is told by the version link.
        const auto version = format::VersionLink::parse(key(0, format::version_key(replay->log.seq, "hosta")));
        return version && version->length == replay->pos;
    }

    sim::Story story;
    sim::Cluster cluster;
};

} // namespace mars::test
