// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/sim/operators.hpp"

#include <algorithm>

#include "tests/sim/checks.hpp"

namespace mars::sim {

using namespace std::chrono_literals;

void hand_over(Run& run, SimResource& resource, const std::vector<Node*>& targets, std::optional<Trouble> trouble) {
    auto& cluster = run.cluster;
    auto& target = *targets.front();
    if (run.random.chance(85))
        for (auto* holder : cluster.hosts_with_device(resource)) cluster.stop_application(*holder, resource);
    const auto before = cluster.link(target, resource.key("primary"));
    const bool is_alone = targets.size() == 1 && cluster.commands().running() == 0 && !target.is_stopping;
    const bool can_complete = !trouble || trouble->kind == Trouble::Kind::interrupt;
    for (const auto& ended :
         cluster.commands().run_all(targets, {"primary", resource.name, "--timeout=30"}, 120s, std::move(trouble)))
        if (ended.exit == 0) ++run.handovers;
    cluster.start_applications();
    // A command that could end by itself has completed, or has given everything back.
    const auto after = cluster.link(target, resource.key("primary"));
    const bool can_write = target.machine.filesystem().faults().is_empty();
    if (is_alone && can_complete && can_write && target.is_up() && before != "(none)" && after == "(none)")
        run.report("the handover of " + resource.name + " to " + target.name() + " has left nobody designated");
}

std::vector<std::string> any_verb(Run& run, const SimResource& resource) {
    struct Row {
        const char* verb;
        const char* option;
        unsigned weight;
    };
    static constexpr Row rows[] = {{"primary", "--timeout=30", 5},
                                   {"secondary", "--timeout=10", 2},
                                   {"invalidate", "--timeout=10", 2},
                                   {"log-rotate", "", 3},
                                   {"log-delete-all", "", 2},
                                   {"down", "--timeout=10", 1},
                                   {"up", "--timeout=10", 2},
                                   {"detach", "--timeout=10", 1},
                                   {"attach", "--timeout=10", 2},
                                   {"disconnect", "--timeout=10", 1},
                                   {"connect", "--timeout=10", 2},
                                   {"pause-fetch", "--timeout=10", 1},
                                   {"resume-fetch", "--timeout=10", 1},
                                   {"pause-replay", "--timeout=10", 1},
                                   {"resume-replay", "--timeout=10", 1},
                                   {"pause-sync", "--timeout=10", 1},
                                   {"resume-sync", "--timeout=10", 1}};
    std::uint64_t weights = 0;
    for (auto& row : rows) weights += row.weight;
    auto at = run.random.below(weights);
    for (auto& row : rows) {
        if (at >= row.weight) {
            at -= row.weight;
            continue;
        }
        std::vector<std::string> words{row.verb, resource.name};
        if (*row.option) words.push_back(row.option);
        return words;
    }
    return {};
}

bool is_sensible(Run& run, const Node& node, const SimResource& resource, const std::vector<std::string>& words) {
    if (words[0] == "log-delete-all") return !run.is_fetching_back(resource);
    if (words[0] == "invalidate") return !run.is_fetching_back(resource) && !node.has_device(resource);
    return true;
}

Node* any_host_for(Run& run, SimResource& resource) {
    auto& node = run.random.chance(95) ? run.any_member(resource) : run.any();
    return node.is_up() && !run.outside.contains(&node) ? &node : nullptr;
}

bool is_everybody_well(Run& run, SimResource& resource) {
    const auto& past = run.past(resource);
    if (!past.left.empty() || past.is_gone || !past.changed.empty() || !past.doubtful.empty()) return false;
    run.cluster.world().network().heal_all();
    return std::all_of(run.cluster.nodes().begin(), run.cluster.nodes().end(),
                       [](auto& node) { return node->is_up() && !node->is_stopping; });
}

bool wait_until_level(Run& run, SimResource& resource) {
    const auto all_level = [&] {
        return std::all_of(resource.members.begin(), resource.members.end(),
                           [&](auto* node) { return is_level(run, *node, resource); });
    };
    return run.cluster.world().run_until(all_level, 30s);
}

bool is_calm(Run& run) {
    auto& network = run.cluster.world().network();
    for (auto& node : run.cluster.nodes()) {
        if (node->machine.filesystem().may_fail() || run.outside.contains(node.get())) return false;
        for (auto& other : run.cluster.nodes()) {
            const auto& way = network.way(node->machine.address(), other->machine.address());
            if (other != node && (way.latency || way.bytes_per_second || way.is_cut)) return false;
        }
    }
    return true;
}

} // namespace mars::sim
