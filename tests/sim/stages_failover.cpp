// SPDX-License-Identifier: GPL-2.0-or-later
// The primary dies, and another member goes on by force, with what had arrived there. What had not is given up: the
// judge forgets it then.
#include <algorithm>

#include "tests/sim/ending.hpp"
#include "tests/sim/run.hpp"
#include "tests/sim/stages.hpp"

namespace mars::sim {

using namespace std::chrono_literals;

namespace {

// Whose disk is what it says, whatever other stages have done.
bool is_whole(Run& run, SimResource& resource, const Node& node) {
    const auto& past = run.past(resource);
    auto* one = const_cast<Node*>(&node);
    const bool is_suspect = past.doubtful.contains(one) || past.changed.contains(one) || past.left.contains(one) ||
                            past.rewritten.contains(one) || past.put_back == one || past.damaged == one ||
                            past.without_log == one;
    return !is_suspect && !run.outside.contains(one) && !run.has_no_disk(node, resource) &&
           run.cluster.link(node, resource.key("syncstatus-" + node.name())) == std::to_string(resource.bytes);
}

Node* heir_of(Run& run, SimResource& resource, const Node& old) {
    std::vector<Node*> possible;
    for (auto* node : resource.members)
        if (node != &old && node->is_up() && !node->is_stopping && is_whole(run, resource, *node))
            possible.push_back(node);
    return possible.empty() ? nullptr : possible[run.random.below(possible.size())];
}

bool is_split(Run& run, SimResource& resource, const Node& node) {
    const auto said = run.cluster.link(node, resource.key("actual-" + node.name() + "/msg-err-splitbrain-detected"));
    return !said.empty() && said != "OK";
}

// Whoever has more than the heir says so, and starts over.
void resolve(Run& run, SimResource& resource, Node& heir) {
    run.cluster.world().network().heal_all();
    run.boot_all();
    run.pass(run.between(15s, 25s)); // start guards end, trees meet
    for (auto* node : resource.members)
        if (node != &heir && run.is_fine() && is_split(run, resource, *node)) {
            run.count("a split is resolved");
            run.past(resource).changed.insert(node);
            must(run, *node, {"invalidate", resource.name});
        }
}

bool succeed_by_force(Run& run) {
    auto& resource = run.any_resource();
    auto* old = run.any_holder(resource);
    if (!old || !is_whole(run, resource, *old)) return false;
    auto* heir = heir_of(run, resource, *old);
    if (!heir || run.primary_of(resource) != old->name()) return false;
    if (run.random.chance(50)) { // the line dies first
        run.tell("the lines of " + old->name() + " are cut");
        run.cluster.unplug(*old);
        run.pass(run.between(0s, 60s));
    }
    run.crash(*old, run.random.chance(70));
    run.pass(run.between(0s, 5s));
    const auto before = resource.history.started();
    run.cluster.stop_application(*heir, resource); // it is to see nothing before the judge knows
    auto& commands = run.cluster.commands();
    commands.run(*heir, {"disconnect", resource.name});
    const auto forced = commands.run(*heir, {"primary", "--force", "--yes", resource.name, "--timeout=60"}, 100s);
    const bool is_designated = run.cluster.link(*heir, resource.key("primary")) == heir->name();
    if (!is_designated || forced.exit != 0) run.cluster.start_application(*heir, resource);
    if (!is_designated) { // refused, and nothing was changed
        commands.run(*heir, {"connect", resource.name});
        return false;
    }
    if (forced.exit != 0 && !heir->machine.filesystem().faults().is_empty()) {
        run.tell("what fails on " + heir->name() + " is in the way; it completes later");
    } else if (forced.exit != 0) {
        run.report("a forced switch to " + heir->name() + " has not come to its end: " + forced.error);
        return true;
    }
    for (auto& one : run.cluster.resources()) run.past(*one).changed.insert(old);
    run.past(resource).doubtful.insert(old);
    run.tell("of the first " + std::to_string(before) + " writes, those that are not on " + heir->name() +
             " are given up");
    resource.history.give_up(before, *heir->machine.filesystem().contents(resource.disk));
    run.cluster.start_application(*heir, resource);
    run.pass(run.between(0s, 10s));
    const bool is_in_order = heir->machine.filesystem().faults().is_empty() && !run.has_no_disk(*heir, resource);
    if (run.random.chance(30) && is_in_order) { // the new one has to find its role again, while the old one is dead
        run.crash(*heir, run.random.chance(50));
        run.cluster.boot(*heir);
        if (!run.cluster.world().run_until([&] { return heir->has_device(resource); }, 60s))
            run.report(heir->name() + " does not become primary again after a forced switch and a crash");
    }
    resolve(run, resource, *heir);
    if (old->has_device(resource)) run.report(old->name() + " has a device, although it was succeeded by force");
    return true;
}

constexpr Stage kFailoverStages[] = {
    {.name = "a dead primary is succeeded by force",
     .weight = 3,
     .hosts = 2,
     .needs_all_data = true,
     .needs_no_verbs = true,
     .run = succeed_by_force},
};

} // namespace

const Family kFailover{"failover", "primaries that die, and are succeeded by force with what had arrived elsewhere",
                       kFailoverStages};

} // namespace mars::sim
