// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/sim/sim_operator.hpp"

namespace mars::sim {

namespace {
class FreeLock final : public shell::HeldLock {};
} // namespace

env::task<std::optional<std::string>> SimLocalHost::resolve(std::string host) {
    for (auto* machine : world_.machines())
        if (machine->name() == host) co_return machine->address();
    co_return std::nullopt;
}

// The simulated operator gives one command at a time.
env::task<result<std::unique_ptr<shell::HeldLock>>> SimLocalHost::lock(std::string) {
    std::unique_ptr<shell::HeldLock> lock = std::make_unique<FreeLock>();
    co_return lock;
}

env::task<result<shell::RemoteResult>> SimRemote::run(shell::RemoteHost host, shell::RemoteOptions options,
                                                      std::vector<std::string> argv, std::string, Duration) {
    env::sim::Machine* target = nullptr;
    for (auto* machine : world_.machines())
        if (machine->name() == host.name || machine->address() == host.address) target = machine;
    const bool reachable = target && !world_.network().link(process_.machine().address(), target->address()).cut;
    if (!reachable) {
        co_await process_.clock().sleep(options.connect_timeout);
        co_return failure(std::errc::timed_out, "ssh to " + host.name + ": no answer");
    }
    auto process = target->start_process("marsadm");
    OperatorSurroundings there(*process, world_);
    argv.erase(argv.begin()); // "marsadm"
    bool done = false;
    shell::RemoteResult result;
    co_await there.run(std::move(argv), result.status, done);
    result.output = there.output.text(shell::Severity::answer) + there.output.text(shell::Severity::info);
    result.errors = there.output.text(shell::Severity::error);
    co_return result;
}

env::task<void> OperatorSurroundings::run(std::vector<std::string> words, int& exit, bool& done) {
    shell::Options defaults;
    auto ended = co_await shell::run_words(surroundings, std::move(words), defaults);
    exit = ended.exit;
    done = true;
}

} // namespace mars::sim
