// SPDX-License-Identifier: GPL-2.0-or-later
// Hosts that leave and join resources and the cluster, and resources that are deleted and made again.
#include <algorithm>

#include "tests/sim/checks.hpp"
#include "tests/sim/membership.hpp"
#include "tests/sim/operators.hpp"
#include "tests/sim/stages.hpp"

namespace mars::sim {

using namespace std::chrono_literals;

namespace {

std::optional<Trouble> some_trouble(Run& run, Node& node) {
    if (!run.random.chance(30)) return std::nullopt;
    Trouble trouble;
    trouble.at = run.between(0ms, run.random.chance(70) ? 300ms : 5s);
    if (run.random.chance(50)) {
        trouble.kind = Trouble::Kind::kill;
    } else {
        trouble.other = [&run, &node] {
            if (node.is_up()) run.crash(node, true);
        };
    }
    return trouble;
}

bool leave_a_resource(Run& run) {
    auto& resource = run.any_resource();
    auto& node = run.any_member(resource);
    const auto& past = run.past(resource);
    if (!node.is_up() || past.left.contains(&node) || past.is_gone || run.is_needed(node, resource)) return false;
    leave_resource(run, resource, node, some_trouble(run, node));
    return true;
}

bool join_a_resource(Run& run) {
    for (auto& resource : run.cluster.resources()) {
        const auto& past = run.past(*resource);
        for (auto* node : past.left) {
            if (!node->is_up() || past.is_gone || run.outside.contains(node)) continue;
            join_resource(run, *resource, *node);
            return true;
        }
    }
    return false;
}

// All members leave, the primary last: its disk has everything then.
bool delete_and_make_again(Run& run) {
    auto& resource = run.any_resource();
    auto* holder = run.any_holder(resource);
    auto& cluster = run.cluster;
    if (!holder || !is_everybody_well(run, resource)) return false;
    run.tell(resource.name + " is to be deleted and made again on " + holder->name());
    for (auto* member : resource.members) cluster.commands().run(*member, {"up", resource.name, "--timeout=10"});
    bool goes_on = cluster.stop_application(*holder, resource);
    run.pass(4s);
    goes_on = goes_on && wait_until_level(run, resource) &&
              cluster.commands().run(*holder, {"secondary", resource.name, "--timeout=30"}).exit == 0;
    for (auto* member : resource.members)
        if (goes_on && member != holder) goes_on = leave_resource(run, resource, *member);
    run.pass(4s);
    if (goes_on && holder->is_up()) {
        auto& members = resource.members;
        std::rotate(members.begin(), std::find(members.begin(), members.end(), holder), members.end());
        if (leave_resource(run, resource, *holder)) {
            run.past(resource).is_gone = true;
            make_again(run, resource);
        }
    }
    cluster.start_applications();
    return true;
}

bool leave_the_cluster(Run& run) {
    std::vector<Node*> fit; // not the first one: by that they join again
    for (std::size_t i = 1; i < run.cluster.size(); ++i)
        if (auto& node = run.cluster.node(i);
            node.is_up() && !node.is_stopping && !run.outside.contains(&node) && !run.is_needed(node))
            fit.push_back(&node);
    if (fit.empty()) return false;
    auto& node = *fit[run.random.below(fit.size())];
    run.cluster.world().network().heal_all();
    for (auto& resource : run.cluster.resources())
        if (resource->has_member(node) && !run.past(*resource).left.contains(&node) &&
            !leave_resource(run, *resource, node))
            return false;
    leave_cluster(run, node);
    return true;
}

bool join_the_cluster(Run& run) {
    if (run.outside.empty() || !run.cluster.node(0).is_up()) return false;
    run.cluster.world().network().heal_all();
    join_cluster(run, **run.outside.begin());
    return true;
}

constexpr Stage kMemberStages[] = {
    {.name = "leave a resource", .weight = 4, .needs_all_data = true, .run = leave_a_resource},
    {.name = "join a resource again", .weight = 3, .run = join_a_resource},
    {.name = "delete a resource and make it again",
     .weight = 3,
     .needs_all_data = true,
     .needs_no_verbs = true,
     .run = delete_and_make_again},
    {.name = "leave the cluster", .weight = 2, .hosts = 3, .needs_all_data = true, .run = leave_the_cluster},
    {.name = "join the cluster again", .weight = 3, .hosts = 3, .run = join_the_cluster},
};

} // namespace

const Family kMembers{"members", "hosts leave and join resources and the cluster, resources are deleted and made again",
                      kMemberStages};

} // namespace mars::sim
