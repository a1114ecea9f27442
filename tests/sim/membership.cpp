// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/sim/membership.hpp"

namespace mars::sim {

using namespace std::chrono_literals;

namespace {

constexpr Duration kCutNoticed = 45s; // a connection over a line that was cut without a word is given up until then

bool has_keys(Run& run, const SimResource& resource, const Node& node) {
    for (auto key : {"data-", "replay-", "device-"})
        if (!run.cluster.link(node, resource.key(key + node.name())).empty()) return true;
    return false;
}

} // namespace

bool leave_resource(Run& run, SimResource& resource, Node& node, std::optional<Trouble> trouble) {
    auto& commands = run.cluster.commands();
    auto& past = run.past(resource);
    const bool is_new = past.left.insert(&node).second;
    run.invariants.forget_copies(node);
    past.whole.erase(&node);
    run.pictures.erase(&node);
    if (commands.run(node, {"down", resource.name, "--timeout=20"}, 60s).exit != 0) {
        if (is_new) past.left.erase(&node);
        return false;
    }
    return commands.run(node, {"leave-resource", resource.name}, 120s, std::move(trouble)).exit == 0;
}

bool join_resource(Run& run, SimResource& resource, Node& node) {
    auto& commands = run.cluster.commands();
    auto& past = run.past(resource);
    if (has_keys(run, resource, node)) {
        commands.run(node, {"down", resource.name, "--timeout=20"}, 60s);
        commands.run(node, {"leave-resource", resource.name, "--force"}, 120s);
    }
    if (commands.run(node, {"join-resource", resource.name, resource.disk}, 120s).exit != 0) return false;
    past.left.erase(&node);
    past.changed.insert(&node); // what it had before may be in its way
    return true;
}

bool make_again(Run& run, SimResource& resource) {
    auto& commands = run.cluster.commands();
    auto& maker = *resource.members.front();
    if (!maker.is_up()) return false;
    if (has_keys(run, resource, maker)) { // a creation that has failed half-way
        commands.run(maker, {"secondary", resource.name, "--timeout=30"}, 60s);
        leave_resource(run, resource, maker);
    }
    const bool exists = !run.cluster.link(maker, resource.key("size")).empty();
    if (exists && commands.run(maker, {"delete-resource", resource.name}).exit != 0) return false;
    if (run.random.chance(30)) run.pass(run.between(0s, 3s));
    if (commands.run(maker, {"create-resource", resource.name, resource.disk}).exit != 0) return false;
    auto& past = run.past(resource);
    past.is_gone = false;
    past.left.erase(&maker);
    return true;
}

bool leave_cluster(Run& run, Node& node) {
    run.outside.insert(&node);
    run.pictures.erase(&node);
    return run.cluster.commands().run(node, {"leave-cluster"}, 120s).exit == 0;
}

bool join_cluster(Run& run, Node& node) {
    auto& cluster = run.cluster;
    if (node.is_up()) cluster.kill(node);
    run.tell("/mars of " + node.name() + " is made anew");
    auto names = node.machine.filesystem().picture();
    std::erase_if(names, [](const auto& entry) { return entry.first.starts_with("/mars/"); });
    node.machine.filesystem().restore(names);
    run.forget_copies(node);
    cluster.boot(node);
    run.pass(1s);
    auto& peer = cluster.node(0);
    if (!peer.is_up()) return false;
    cluster.commands().run(peer, {"lowlevel-delete-host", node.name()});
    const auto address = node.machine.address();
    if (cluster.commands().run(node, {"join-cluster", peer.name(), "--ip=" + address}).exit != 0) return false;
    run.outside.erase(&node);
    return true;
}

void return_to_cluster(Run& run) {
    const auto outside = run.outside;
    for (auto* node : outside)
        if (!join_cluster(run, *node)) run.report(node->name() + " cannot join the cluster again");
    if (!outside.empty()) run.pass(5s);
}

void return_to_resources(Run& run) {
    for (auto& resource : run.cluster.resources()) {
        const auto& past = run.past(*resource);
        if (past.is_gone && !make_again(run, *resource)) run.report(resource->name + " cannot be made again");
        const auto left = past.left;
        for (auto* node : left) {
            if (!run.is_fine() || join_resource(run, *resource, *node)) continue;
            run.pass(kCutNoticed); // the primary may have another address since a line was cut
            if (!join_resource(run, *resource, *node))
                run.report(node->name() + " cannot join " + resource->name + " again");
        }
    }
}

} // namespace mars::sim
