// SPDX-License-Identifier: GPL-2.0-or-later
// Operators who know nothing of each other, and verbs that do not come to their end.
#include <algorithm>

#include "tests/sim/operators.hpp"
#include "tests/sim/stages.hpp"

namespace mars::sim {

using namespace std::chrono_literals;

namespace {

// Two cluster managers see the same event.
bool hand_over_to_several(Run& run) {
    auto& resource = run.any_resource();
    std::vector<Node*> targets;
    for (int i = 0; i < 3; ++i)
        if (auto* node = any_host_for(run, resource);
            node && std::find(targets.begin(), targets.end(), node) == targets.end())
            targets.push_back(node);
    if (targets.size() < 2) return false;
    hand_over(run, resource, targets);
    return true;
}

// Ctrl-C, or the end of the command or of any host, at any moment.
bool trouble_a_handover(Run& run) {
    auto& resource = run.any_resource();
    auto* target = any_host_for(run, resource);
    if (!target) return false;
    Trouble trouble;
    trouble.at = run.between(0ms, run.random.chance(70) ? 500ms : 5s);
    const auto kind = run.random.below(4);
    if (kind < 2) {
        trouble.kind = Trouble::Kind::interrupt;
    } else if (kind == 2) {
        trouble.kind = Trouble::Kind::kill;
    } else {
        trouble.other = [&run, &node = run.any()] {
            if (!node.is_up()) return;
            run.crash(node, run.random.chance(50));
            if (!run.random.chance(70)) return;
            run.tell(node.name() + " boots");
            run.cluster.boot(node);
        };
    }
    hand_over(run, resource, {target}, std::move(trouble));
    return true;
}

// On the same or different hosts, for the same or different resources.
bool type_several_verbs(Run& run) {
    const auto wanted = 2 + run.random.below(3);
    std::size_t begun = 0;
    auto* resource = &run.any_resource();
    for (std::size_t i = 0; i < wanted; ++i) {
        if (run.random.chance(40)) resource = &run.any_resource();
        auto* node = any_host_for(run, *resource);
        const auto words = any_verb(run, *resource);
        if (!node || !is_sensible(run, *node, *resource, words)) continue;
        run.cluster.commands().begin(*node, words);
        ++begun;
        run.pass(run.between(0ms, run.random.chance(60) ? 20ms : 2s));
    }
    if (run.random.chance(30)) // what holds a handover up lets go of the device
        for (auto* holder : run.cluster.hosts_with_device(*resource)) run.cluster.stop_application(*holder, *resource);
    run.pass(run.between(0s, 5s));
    run.cluster.start_applications();
    return begun > 1;
}

bool end_a_verb_half_way(Run& run) {
    auto& resource = run.any_resource();
    auto* node = any_host_for(run, resource);
    const auto words = any_verb(run, resource);
    if (!node || !is_sensible(run, *node, resource, words)) return false;
    Trouble trouble;
    trouble.at = run.between(0ms, run.random.chance(70) ? 300ms : 5s);
    trouble.kind = run.random.chance(70) ? Trouble::Kind::kill : Trouble::Kind::interrupt;
    run.cluster.commands().run(*node, words, 60s, trouble);
    return true;
}

constexpr Stage kOperatorStages[] = {
    {.name = "hand over to several", .weight = 3, .run = hand_over_to_several},
    {.name = "trouble in a handover", .weight = 4, .run = trouble_a_handover},
    {.name = "several verbs at a time", .weight = 4, .run = type_several_verbs},
    {.name = "end a verb half-way", .weight = 3, .run = end_a_verb_half_way},
};

} // namespace

const Family kOperators{"operators", "several verbs at a time, verbs that are killed or interrupted half-way",
                        kOperatorStages};

} // namespace mars::sim
