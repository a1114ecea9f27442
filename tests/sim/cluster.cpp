// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/sim/cluster.hpp"

#include <algorithm>

#include "kernel/tree/view.hpp"

namespace mars::sim {

using namespace std::chrono_literals;

Cluster::Cluster(std::uint64_t seed, const Plan& plan, Story& story)
    : world_(seed), application_(world_, wrong_, plan.resources.size() > 1 ? 40 : 70), commands_(*this, story),
      memory_bytes_(plan.memory_bytes), rotate_bytes_(plan.rotate_bytes) {
    for (std::size_t i = 0; i < plan.hosts; ++i) {
        const std::string name = std::string("host") + static_cast<char>('a' + i);
        nodes_.push_back(std::make_unique<Node>(world_, name, "10.0.0." + std::to_string(i + 1)));
        nodes_.back()->machine.clock_skew = world_.random().between(-3s, 3s);
    }
    for (auto& planned : plan.resources) {
        resources_.push_back(std::make_unique<SimResource>(planned.name, planned.bytes));
        auto& resource = *resources_.back();
        for (auto host : planned.members) {
            resource.members.push_back(nodes_[host].get());
            nodes_[host]->machine.filesystem().add_disk(resource.disk, resource.bytes);
        }
    }
}

Cluster::~Cluster() {
    commands_.clear();
    for (auto& node : nodes_)
        if (node->process) kill(*node);
}

std::string Cluster::set_up() {
    auto must = [&](Node& node, std::vector<std::string> words) -> std::string {
        const auto line = words[0];
        auto result = commands_.run(node, std::move(words));
        if (result.exit == 0) return {};
        return node.name() + ": " + line + " ended with " + std::to_string(result.exit) + ": " + result.error;
    };
    auto& first = *nodes_[0];
    if (auto wrong = must(first, {"create-cluster", "--ip=" + first.machine.address()}); !wrong.empty()) return wrong;
    for (auto& node : nodes_) boot(*node);
    world_.run_for(1s);
    for (std::size_t i = 1; i < nodes_.size(); ++i) {
        auto& node = *nodes_[i];
        auto wrong = must(node, {"join-cluster", first.name(), "--ip=" + node.machine.address()});
        if (!wrong.empty()) return wrong;
    }
    for (auto& resource : resources_) {
        auto& members = resource->members;
        if (auto wrong = must(*members[0], {"create-resource", resource->name, resource->disk}); !wrong.empty())
            return wrong;
        for (std::size_t i = 1; i < members.size(); ++i)
            if (auto wrong = must(*members[i], {"join-resource", resource->name, resource->disk}); !wrong.empty())
                return wrong;
    }
    return {};
}

Node* Cluster::find(const std::string& host) {
    for (auto& node : nodes_)
        if (node->name() == host) return node.get();
    return nullptr;
}

// --- hosts -----------------------------------------------------------------------------------------------------------

void Cluster::boot(Node& node) {
    node.process = node.machine.start_process("marsd");
    node.exports = std::make_unique<SimExports>(*node.process);
    node.tasks = std::make_unique<env::TaskGroup>(*node.process);
    resource::Tunables tunables;
    tunables.sync_flip_interval = 8s;
    tunables.memory_limit_bytes = memory_bytes_;
    if (rotate_bytes_ > 0) tunables.rotate_bytes = rotate_bytes_;
    tunables.state_directory = kStateDirectory;
    tunables.is_process_alive = [this](std::string_view identity) { return commands_.is_alive(identity); };
    node.daemon = std::make_unique<daemon::Daemon>(*node.process, "/mars", *node.exports, tunables);
    node.tasks->spawn("daemon", run_daemon(node));
    for (auto& resource : resources_) {
        node.applications[resource.get()].workers = 0;
        start_application(node, *resource);
    }
}

env::task<void> Cluster::run_daemon(Node& node) {
    auto started = co_await node.daemon->start();
    if (!started) {
        world_.trace("marsd on " + node.name() + ": " + started.error().text);
        if (!node.machine.filesystem().may_fail()) panic("marsd on " + node.name() + ": " + started.error().text);
        world_.after(0s, [this, &node, process = node.process.get()] { start_again(node, process); });
        co_return;
    }
    node.has_started = true;
}

// As systemd does, a second later.
void Cluster::start_again(Node& node, const env::sim::Process* failed) {
    if (node.process.get() != failed) return;
    kill_marsd(node);
    world_.after(1s, [this, &node] {
        if (!node.is_up() && node.machine.is_on()) boot(node);
    });
}

void Cluster::kill(Node& node) {
    node.machine.end_all_processes();
    forget(node);
}

void Cluster::kill_marsd(Node& node) {
    node.process->kill();
    forget(node);
}

void Cluster::power_cut(Node& node) {
    node.machine.power_cut();
    forget(node);
}

void Cluster::begin_stop(Node& node) {
    if (!node.is_up() || node.is_stopping) return;
    if (!node.has_started) return kill_marsd(node); // it does not yet wait for signals
    node.is_stopping = true;
    node.tasks->spawn("stop", stop_daemon(node));
    world_.settle();
}

env::task<void> Cluster::stop_daemon(Node& node) {
    const auto* process = node.process.get();
    co_await node.daemon->stop();
    world_.after(0s, [this, &node, process] {
        if (node.process.get() == process) kill_marsd(node); // nothing is left to end but the process
    });
}

void Cluster::forget(Node& node) {
    node.has_started = node.is_stopping = false;
    node.tasks.reset();
    node.daemon.reset();
    node.exports.reset();
    node.process.reset();
    for (auto& [resource, application] : node.applications) application.workers = 0;
    world_.settle();
}

void Cluster::unplug(Node& node) {
    for (auto& other : nodes_)
        if (other.get() != &node) world_.network().cut(node.machine.address(), other->machine.address());
}

// --- what is there ---------------------------------------------------------------------------------------------------

std::string Cluster::link(const Node& node, const std::string& path) const {
    auto* found = node.machine.filesystem().find(path);
    if (!found || found->kind != env::FileKind::symlink || found->target == tree::kDeleted) return {};
    return found->target;
}

std::vector<Node*> Cluster::hosts_with_device(const SimResource& resource) {
    std::vector<Node*> found;
    for (auto& node : nodes_)
        if (node->has_device(resource)) found.push_back(node.get());
    return found;
}

void Cluster::notice_devices() {
    for (auto& resource : resources_)
        resource->most_devices = std::max(resource->most_devices, hosts_with_device(*resource).size());
}

// --- applications ----------------------------------------------------------------------------------------------------

void Cluster::start_application(Node& node, SimResource& resource) {
    node.applications[&resource].shall_run = true;
    if (node.is_up() && !node.is_stopping) node.tasks->spawn("application", application_.run(node, resource));
}

void Cluster::start_applications() {
    for (auto& node : nodes_)
        for (auto& resource : resources_)
            if (!node->applications[resource.get()].shall_run) start_application(*node, *resource);
}

bool Cluster::stop_application(Node& node, SimResource& resource) {
    auto& application = node.applications[&resource];
    application.shall_run = false;
    return world_.run_until([&] { return application.workers == 0; }, 60s);
}

} // namespace mars::sim
