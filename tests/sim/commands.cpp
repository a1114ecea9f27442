// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/sim/commands.hpp"

#include <algorithm>

#include "tests/sim/cluster.hpp"

namespace mars::sim {

using namespace std::chrono_literals;

struct Commands::Call {
    Call(Node& n, std::vector<std::string> words, env::sim::World& world, Callers& callers)
        : node(n), process(n.machine.start_process("marsadm")), surroundings(*process, world, callers),
          group(*process) {
        line = node.name() + ": marsadm";
        for (auto& word : words) line += " " + word;
        begun = world.now();
        world.trace(line);
        group.spawn("verb", surroundings.run(std::move(words), result.exit, done));
    }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    bool has_ended() const { return done || process->is_dead(); }

    Node& node;
    std::unique_ptr<env::sim::Process> process;
    OperatorSurroundings surroundings;
    env::TaskGroup group;
    std::string line;
    Duration begun{};
    VerbResult result;
    bool done = false;
};

Commands::Commands(Cluster& cluster, Story& story) : cluster_(cluster), story_(story) {}
Commands::~Commands() = default;

VerbResult Commands::end(Call& call, bool has_time) {
    auto& world = cluster_.world();
    auto& result = call.result;
    std::string how = "ended with " + std::to_string(result.exit);
    if (call.process->is_dead() && !call.done) how = "was killed";
    if (!call.has_ended()) {
        how = has_time ? "was left alone" : "found no end";
        result.error = "no end in sight; ";
        call.process->kill();
    }
    result.answer = call.surroundings.output.text(shell::Severity::answer);
    result.warning = call.surroundings.output.text(shell::Severity::warning);
    result.error += call.surroundings.output.text(shell::Severity::error);
    const auto took = std::chrono::duration<double>(world.now() - call.begun).count();
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, " (%.1f s) ", took);
    story_.tell(call.line + " " + how + seconds + result.error);
    return result;
}

VerbResult Commands::run(Node& node, std::vector<std::string> words, Duration limit, std::optional<Trouble> trouble) {
    return run_all({&node}, std::move(words), limit, std::move(trouble)).front();
}

std::vector<VerbResult> Commands::run_all(const std::vector<Node*>& nodes, std::vector<std::string> words,
                                          Duration limit, std::optional<Trouble> trouble) {
    auto& world = cluster_.world();
    std::vector<std::unique_ptr<Call>> calls;
    for (auto* node : nodes) {
        calls.push_back(std::make_unique<Call>(*node, words, world, callers_));
        if (nodes.size() > 1) world.run_for(world.random().between(0s, 200ms));
    }
    const auto all_ended = [&] {
        cluster_.notice_devices();
        return std::all_of(calls.begin(), calls.end(), [](auto& call) { return call->has_ended(); });
    };
    if (trouble && !world.run_until(all_ended, trouble->at)) {
        auto& call = *calls.front();
        if (trouble->kind == Trouble::Kind::interrupt) {
            story_.tell(call.line + " is interrupted");
            call.group.cancel();
        }
        if (trouble->kind == Trouble::Kind::kill && !call.has_ended()) call.process->kill();
        if (trouble->other) trouble->other();
        world.settle();
    }
    const bool ended = world.run_until(all_ended, limit);
    std::vector<VerbResult> results;
    for (auto& call : calls) results.push_back(end(*call, ended));
    return results;
}

void Commands::begin(Node& node, std::vector<std::string> words) {
    background_.push_back(std::make_unique<Call>(node, std::move(words), cluster_.world(), callers_));
    story_.tell(background_.back()->line + " is begun");
}

void Commands::reap() {
    for (auto call = background_.begin(); call != background_.end();) {
        if ((*call)->has_ended()) {
            end(**call, true);
            call = background_.erase(call);
        } else {
            ++call;
        }
    }
}

void Commands::interrupt_one() {
    if (background_.empty()) return;
    story_.tell(background_.front()->line + " is interrupted");
    background_.front()->group.cancel();
    cluster_.world().settle();
}

void Commands::kill_one() {
    if (background_.empty()) return;
    if (!background_.front()->has_ended()) background_.front()->process->kill();
    reap();
}

void Commands::finish(Duration limit) {
    const auto all_ended = [&] {
        cluster_.notice_devices();
        return std::all_of(background_.begin(), background_.end(), [](auto& call) { return call->has_ended(); });
    };
    for (auto left : {limit, Duration(30s)}) {
        if (cluster_.world().run_until(all_ended, left)) break;
        for (auto& call : background_)
            if (!call->has_ended()) call->group.cancel();
    }
    reap();
    while (!background_.empty()) kill_one(); // deaf to Ctrl-C
}

void Commands::clear() {
    for (auto& call : background_)
        if (!call->process->is_dead()) call->process->kill();
    background_.clear();
}

} // namespace mars::sim
