// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/sim/cluster.hpp"

#include <algorithm>

#include "kernel/tree/view.hpp"
#include "shell/command/run.hpp"
#include "tests/sim/sim_operator.hpp"

namespace mars::sim {

using namespace std::chrono_literals;

Cluster::Cluster(std::uint64_t seed, std::size_t hosts) : world_(seed) {
    for (std::size_t i = 0; i < hosts; ++i) {
        const std::string name = std::string("host") + static_cast<char>('a' + i);
        nodes_.push_back(std::make_unique<Node>(world_, name, "10.0.0." + std::to_string(i + 1)));
        nodes_.back()->machine.filesystem().add_disk(kDisk, kDiskBytes);
        nodes_.back()->machine.clock_skew = world_.random().between(-3s, 3s);
    }
}

Cluster::~Cluster() {
    for (auto& node : nodes_)
        if (node->process) kill(*node);
}

std::string Cluster::set_up() {
    auto must = [&](Node& node, std::vector<std::string> words) -> std::string {
        const std::string line = words[0];
        auto result = run_verb(node, std::move(words));
        if (result.exit == 0) return {};
        return node.machine.name() + ": " + line + " ended with " + std::to_string(result.exit) + ": " + result.error;
    };
    auto& first = *nodes_[0];
    if (auto wrong = must(first, {"create-cluster", "--ip=" + first.machine.address()}); !wrong.empty()) return wrong;
    for (auto& node : nodes_) boot(*node);
    world_.run_for(1s);
    for (std::size_t i = 1; i < nodes_.size(); ++i) {
        auto& node = *nodes_[i];
        auto wrong = must(node, {"join-cluster", first.machine.name(), "--ip=" + node.machine.address()});
        if (!wrong.empty()) return wrong;
    }
    if (auto wrong = must(first, {"create-resource", kResource, kDisk}); !wrong.empty()) return wrong;
    for (std::size_t i = 1; i < nodes_.size(); ++i)
        if (auto wrong = must(*nodes_[i], {"join-resource", kResource, kDisk}); !wrong.empty()) return wrong;
    return {};
}

// --- hosts -----------------------------------------------------------------------------------------------------------

void Cluster::boot(Node& node) {
    node.process = node.machine.start_process("marsd");
    node.exports = std::make_unique<SimExports>(*node.process);
    node.tasks = std::make_unique<env::TaskGroup>(*node.process);
    resource::Tunables tunables;
    tunables.sync_flip_interval = 8s;
    tunables.memory_limit_bytes = 256 * 1024;
    tunables.state_directory = kStateDirectory;
    tunables.is_process_alive = [&node](std::string_view) {
        return std::any_of(node.commands.begin(), node.commands.end(), [](auto* call) { return !call->is_dead(); });
    };
    node.daemon = std::make_unique<daemon::Daemon>(*node.process, "/mars", *node.exports, tunables);
    node.tasks->spawn("daemon", run_daemon(node));
    start_application(node);
}

env::task<void> Cluster::run_daemon(Node& node) {
    auto started = co_await node.daemon->start();
    if (!started) panic("marsd on " + node.machine.name() + ": " + started.error().text);
}

void Cluster::kill(Node& node) {
    node.machine.end_all_processes();
    forget(node);
}

void Cluster::power_cut(Node& node) {
    node.machine.power_cut();
    forget(node);
}

void Cluster::forget(Node& node) {
    node.tasks.reset();
    node.daemon.reset();
    node.exports.reset();
    node.process.reset();
    node.application_workers = 0;
    world_.settle();
}

// One call of marsadm.
struct Cluster::Call {
    Call(Node& n, std::vector<std::string> words, env::sim::World& world)
        : node(n), process(n.machine.start_process("marsadm")), surroundings(*process, world), group(*process) {
        node.commands.push_back(process.get());
        line = node.machine.name() + ": marsadm";
        for (auto& word : words) line += " " + word;
        world.trace(line);
        group.spawn("verb", surroundings.run(std::move(words), result.exit, done));
    }
    ~Call() { std::erase(node.commands, process.get()); }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    bool has_ended() const { return done || process->is_dead(); }

    Node& node;
    std::unique_ptr<env::sim::Process> process;
    OperatorSurroundings surroundings;
    env::TaskGroup group;
    std::string line;
    VerbResult result;
    bool done = false;
};

VerbResult Cluster::run_verb(Node& node, std::vector<std::string> words, Duration limit) {
    return run_verbs({&node}, std::move(words), limit).front();
}

std::vector<VerbResult> Cluster::run_verbs(const std::vector<Node*>& nodes, std::vector<std::string> words,
                                           Duration limit, std::optional<Trouble> trouble) {
    std::vector<std::unique_ptr<Call>> calls;
    for (auto* node : nodes) {
        calls.push_back(std::make_unique<Call>(*node, words, world_));
        if (nodes.size() > 1) world_.run_for(world_.random().between(0s, 200ms));
    }
    const auto all_ended = [&] {
        most_devices_ = std::max(most_devices_, hosts_with_device().size());
        return std::all_of(calls.begin(), calls.end(), [](auto& call) { return call->has_ended(); });
    };
    if (trouble && !world_.run_until(all_ended, trouble->at)) {
        auto& call = *calls.front();
        if (trouble->kind == Trouble::Kind::interrupt) call.group.cancel();
        if (trouble->kind == Trouble::Kind::kill && !call.has_ended()) call.process->kill();
        if (trouble->other) trouble->other();
        world_.settle();
    }
    const bool ended = world_.run_until(all_ended, limit);
    std::vector<VerbResult> results;
    for (auto& call : calls) {
        if (!ended && !call->has_ended()) call->result.error = "no end in sight; ";
        if (!call->has_ended()) call->process->kill();
        call->result.answer = call->surroundings.output.text(shell::Severity::answer);
        call->result.error += call->surroundings.output.text(shell::Severity::error);
        world_.trace(call->node.machine.name() + ": marsadm ended with " + std::to_string(call->result.exit) + " " +
                     call->result.error);
        results.push_back(call->result);
    }
    return results;
}

std::string Cluster::link(const Node& node, const std::string& path) const {
    auto* found = node.machine.filesystem().find(path);
    if (!found || found->kind != env::FileKind::symlink || found->target == tree::kDeleted) return {};
    return found->target;
}

std::vector<Node*> Cluster::hosts_with_device() {
    std::vector<Node*> found;
    for (auto& node : nodes_)
        if (node->exports && node->exports->exists(kResource)) found.push_back(node.get());
    return found;
}

// --- application -----------------------------------------------------------------------------------------------------

void Cluster::start_application(Node& node) {
    node.application_shall_run = true;
    if (node.is_up()) node.tasks->spawn("application", application(node));
}

bool Cluster::stop_application(Node& node) {
    node.application_shall_run = false;
    return world_.run_until([&] { return node.application_workers == 0; }, 60s);
}

// Opens the device whenever it is there, and writes with some concurrency.
env::task<void> Cluster::application(Node& node) {
    while (node.application_shall_run) {
        auto* device = node.application_workers == 0 ? node.exports->open(kResource) : nullptr;
        if (!device) {
            co_await node.process->clock().sleep(100ms);
            continue;
        }
        env::TaskGroup workers(*node.process);
        const auto count = 1 + world_.random().below(4);
        for (std::uint64_t i = 0; i < count; ++i) workers.spawn("worker", worker(node, *device));
        node.application_workers = static_cast<int>(count);
        co_await workers.join();
        node.exports->close(kResource);
        node.application_workers = 0;
    }
}

env::task<void> Cluster::worker(Node& node, block::Device& device) {
    while (node.application_shall_run) {
        if (world_.random().chance(80))
            co_await write_once(device);
        else
            co_await read_once(device);
        const bool is_burst = world_.random().chance(70);
        co_await node.process->clock().sleep(is_burst ? world_.random().between(0ms, 3ms)
                                                      : world_.random().between(50ms, 600ms));
    }
}

namespace {

// A write that is neither acknowledged nor failed when its coroutine goes away (a crash) may have happened or not.
struct UnderWay {
    UnderWay(WriteHistory& h, std::uint64_t n) : history(h), number(n) {}
    ~UnderWay() {
        if (!is_acknowledged) history.abandon(number);
    }
    WriteHistory& history;
    std::uint64_t number;
    bool is_acknowledged = false;
};

} // namespace

env::task<void> Cluster::write_once(block::Device& device) {
    auto& random = world_.random();
    const auto count = 1 + random.below(random.chance(20) ? 40 : 8);
    const auto first = random.below(history_.sectors() - count);
    auto started = history_.start(first, count);
    if (!started) co_return;
    UnderWay guard(history_, started->number);
    auto written = co_await device.write(first * kSector, started->data, random.chance(30));
    if (!written) co_return;
    guard.is_acknowledged = true;
    history_.acknowledge(started->number);
}

// What was acknowledged before the read began must be seen by it.
env::task<void> Cluster::read_once(block::Device& device) {
    const auto count = 1 + world_.random().below(16);
    const auto first = world_.random().below(history_.sectors() - count);
    const auto before = history_.logical_time();
    std::vector<std::byte> data(count * kSector);
    auto read = co_await device.read(first * kSector, data);
    if (!read) co_return;
    const auto wrong = history_.check_read(first, data, before);
    if (!wrong.empty()) panic("read through the device: " + wrong);
}

} // namespace mars::sim
