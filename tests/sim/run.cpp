// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/sim/run.hpp"

#include <algorithm>

#include "tests/sim/checks.hpp"

namespace mars::sim {

Run::Run(std::uint64_t seed, const ScenarioOptions& o)
    : options(o), plan(draw_plan(seed, o)), cluster(seed, plan, story), random(cluster.world().random()) {
    story.follow(cluster.world());
    cluster.world().print_trace = options.print_trace;
    cluster.world().on_storm = [this](const std::string& what) { report(what); };
    cluster.world().on_error = [this](const std::string& who, std::string_view line) {
        if (line.find("an error of marsd") != std::string_view::npos) report(who + " says: " + std::string(line));
    };
}

env::sim::Strangers& Run::strangers() {
    if (!stranger_) stranger_ = std::make_unique<Stranger>(cluster.world().add_machine("stranger", "10.9.9.9"));
    return stranger_->calls;
}

env::sim::Strangers& Run::strangers_on(Node& node) {
    on_members_.push_back(std::make_unique<Stranger>(node.machine));
    return on_members_.back()->calls;
}

void Run::report(const std::string& what) {
    if (!is_fine() || what.empty()) return;
    wrong = what;
    tell("VERDICT: " + what);
}

Node& Run::any() {
    return cluster.node(random.below(cluster.size()));
}

SimResource& Run::any_resource() {
    return *cluster.resources()[random.below(cluster.resources().size())];
}

Node& Run::any_member(SimResource& resource) {
    return *resource.members[random.below(resource.members.size())];
}

Node* Run::any_holder(SimResource& resource) {
    auto holders = cluster.hosts_with_device(resource);
    return holders.empty() ? nullptr : holders[random.below(holders.size())];
}

bool Run::is_fetching_back(const SimResource& resource) {
    const auto lacks_something = [&](const Node* node) {
        return node && !(node->is_up() && node->has_device(resource));
    };
    const auto& its = past(resource);
    return lacks_something(its.put_back) || lacks_something(its.damaged);
}

bool Run::is_fetching_back() {
    return std::any_of(cluster.resources().begin(), cluster.resources().end(),
                       [&](auto& resource) { return is_fetching_back(*resource); });
}

bool Run::is_needed(const Node& node, const SimResource& resource) {
    std::int64_t newest = 0, own = 0;
    for (auto& other : cluster.nodes()) {
        for (auto key : {"primary", "userspace/last-primary"})
            if (cluster.link(*other, resource.key(key)) == node.name()) return true;
        for (auto& file : other->machine.filesystem().names_in(resource.directory()))
            if (auto log = format::LogName::parse(file)) {
                newest = std::max(newest, log->seq);
                if (log->host == node.name()) own = std::max(own, log->seq);
            }
    }
    return own >= newest || node.has_device(resource);
}

bool Run::is_needed(const Node& node) {
    return std::any_of(cluster.resources().begin(), cluster.resources().end(),
                       [&](auto& resource) { return resource->has_member(node) && is_needed(node, *resource); });
}

bool Run::has_no_disk(const Node& node, const SimResource& resource) const {
    return resource.has_member(node) && !node.machine.filesystem().find(resource.disk);
}

bool Run::has_no_disk(const Node& node) const {
    return std::any_of(cluster.resources().begin(), cluster.resources().end(),
                       [&](auto& resource) { return has_no_disk(node, *resource); });
}

std::string Run::primary_of(const SimResource& resource) {
    return cluster.link(cluster.node(0), resource.key("primary"));
}

std::optional<format::LogName> Run::newest_log(const Node& node, const SimResource& resource) const {
    std::optional<format::LogName> newest;
    for (auto& file : node.machine.filesystem().names_in(resource.directory()))
        if (auto log = format::LogName::parse(file); log && (!newest || log->seq > newest->seq)) newest = log;
    return newest;
}

void Run::boot_all() {
    for (auto& node : cluster.nodes())
        if (!node->is_up()) {
            tell(node->name() + " boots");
            cluster.boot(*node);
        }
}

void Run::crash(Node& node, bool power_cut) {
    forget_copies(node);
    ++crashes;
    tell(node.name() + (power_cut ? " loses power" : " is killed"));
    if (power_cut)
        cluster.power_cut(node);
    else
        cluster.kill(node);
    check_host(*this, node);
}

void Run::forget_copies(Node& node) {
    invariants.forget_copies(node);
}

} // namespace mars::sim
