// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/sim/plan.hpp"

#include <algorithm>

#include "kernel/env/sim/world.hpp"
#include "tests/sim/stages.hpp"

namespace mars::sim {

namespace {

using env::sim::SeededRandom;

// 1 + the index of the part, of 100, that a draw falls into.
std::size_t draw_part(SeededRandom& random, std::initializer_list<std::uint64_t> percents) {
    auto at = random.below(100);
    std::size_t part = 1;
    for (auto percent : percents) {
        if (at < percent) break;
        at -= percent;
        ++part;
    }
    return part;
}

std::vector<std::string_view> draw_families(SeededRandom& random, const std::vector<std::string>& allowed) {
    std::vector<std::string_view> all;
    for (auto* family : families())
        if (family != families().front() && // what happens every day
            (allowed.empty() || std::find(allowed.begin(), allowed.end(), family->name) != allowed.end()))
            all.push_back(family->name);
    const auto wanted = std::min<std::size_t>(2 + random.below(3), all.size());
    std::vector<std::string_view> drawn;
    while (drawn.size() < wanted) {
        const auto at = all.begin() + static_cast<std::ptrdiff_t>(random.below(all.size()));
        drawn.push_back(*at);
        all.erase(at);
    }
    return drawn;
}

// Two members at least; usually all hosts are.
std::vector<std::size_t> draw_members(SeededRandom& random, std::size_t hosts) {
    std::vector<std::size_t> members;
    for (std::size_t i = 0; i < hosts; ++i) members.push_back(i);
    std::rotate(members.begin(), members.begin() + static_cast<std::ptrdiff_t>(random.below(hosts)), members.end());
    while (members.size() > 2 && random.chance(25)) members.pop_back();
    return members;
}

} // namespace

Plan draw_plan(std::uint64_t seed, const ScenarioOptions& options) {
    SeededRandom random(seed ^ 0x706c616e); // not the world's: options change nothing else
    Plan plan;
    const auto hosts = 1 + draw_part(random, {44, 40, 12});
    const auto resources = draw_part(random, {66, 20, 9});
    const auto steps = 6 + static_cast<int>(random.below(8));
    plan.hosts = options.hosts ? options.hosts : hosts;
    plan.steps = options.steps ? options.steps : steps;
    plan.memory_bytes = 256 * 1024;
    if (SeededRandom rotation(seed ^ 0x726f74); rotation.chance(30)) // its own draw: others stay what they are
        plan.rotate_bytes = (64 + rotation.below(1024)) * 1024;
    plan.families = draw_families(random, options.faults);
    static constexpr const char* names[] = {"data", "mail", "home", "news"};
    const auto count = options.resources ? options.resources : resources;
    for (std::size_t i = 0; i < count; ++i) {
        Plan::Resource resource;
        resource.name = i < std::size(names) ? names[i] : "more" + std::to_string(i);
        resource.bytes = (count == 1 ? 512 : 96 + 4 * random.below(56)) * 1024;
        resource.members = draw_members(random, plan.hosts);
        plan.resources.push_back(resource);
    }
    return plan;
}

std::string Plan::text() const {
    auto line = std::to_string(hosts) + " hosts, " + std::to_string(steps) + " steps;";
    for (auto& resource : resources) {
        line += " " + resource.name + " (" + std::to_string(resource.bytes / 1024) + " KiB on ";
        for (auto host : resource.members) line += static_cast<char>('a' + host);
        line += ")";
    }
    if (rotate_bytes > 0) line += ", logs of " + std::to_string(rotate_bytes / 1024) + " KiB";
    line += ";";
    for (auto& family : families) line += " " + std::string(family);
    return line;
}

} // namespace mars::sim
