// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/sim/sim_operator.hpp"

#include "kernel/env/task_group.hpp"

namespace mars::sim {

using namespace std::chrono_literals;

namespace {

struct TakenLock final : shell::HeldLock {
    explicit TakenLock(Callers::Holder h) : holder(std::move(h)) {}
    Callers::Holder holder;
};

// Nothing goes on at the other end of a connection when this end is gone.
struct EndOfConnection {
    explicit EndOfConnection(env::sim::Process& p) : process(p) {}
    ~EndOfConnection() { process.kill(); }
    EndOfConnection(const EndOfConnection&) = delete;
    EndOfConnection& operator=(const EndOfConnection&) = delete;
    env::sim::Process& process;
};

} // namespace

Callers::Holder Callers::take_lock(const env::sim::Machine& machine) {
    auto& holder = holders_[&machine];
    if (!holder.expired()) return nullptr;
    auto taken = std::make_shared<int>(0);
    holder = taken;
    return taken;
}

std::string Callers::enter(const env::sim::Process& process) {
    auto identity = std::to_string(next_++) + ".1.simulated";
    processes_[identity] = &process;
    return identity;
}

bool Callers::is_alive(std::string_view identity) const {
    const auto found = processes_.find(std::string(identity));
    return found != processes_.end() && !found->second->is_dead();
}

env::task<std::optional<std::string>> SimLocalHost::resolve(std::string host) {
    for (auto* machine : world_.machines())
        if (machine->name() == host) co_return machine->address();
    co_return std::nullopt;
}

// As flock does, with the patience of the real one.
env::task<result<std::unique_ptr<shell::HeldLock>>> SimLocalHost::lock(std::string) {
    const auto end = process_.clock().steady() + 10s;
    auto taken = callers_.take_lock(process_.machine());
    while (!taken) {
        if (process_.clock().steady() > end)
            co_return failure(std::errc::resource_unavailable_try_again, "another marsadm holds the lock for 10 s");
        co_await process_.clock().sleep(5ms);
        taken = callers_.take_lock(process_.machine());
    }
    std::unique_ptr<shell::HeldLock> lock = std::make_unique<TakenLock>(std::move(taken));
    co_return std::move(lock);
}

// The command there ends with the connection: when the line is cut for long, or the host dies.
env::task<result<shell::RemoteResult>> SimRemote::run(shell::RemoteHost host, shell::RemoteOptions options,
                                                      std::vector<std::string> argv, std::string, Duration limit) {
    env::sim::Machine* target = nullptr;
    for (auto* machine : world_.machines())
        if (machine->name() == host.name || machine->address() == host.address) target = machine;
    const auto is_cut = [&] { return !world_.network().is_reachable(process_.machine().address(), target->address()); };
    if (!target || is_cut()) {
        co_await process_.clock().sleep(options.connect_timeout);
        co_return failure(std::errc::timed_out, "ssh to " + host.name + ": no answer");
    }
    auto process = target->start_process("marsadm");
    OperatorSurroundings there(*process, world_, callers_);
    env::TaskGroup group(*process);
    EndOfConnection end_of_connection(*process);
    argv.erase(argv.begin()); // "marsadm"
    bool done = false;
    shell::RemoteResult result;
    group.spawn("verb", there.run(std::move(argv), result.status, done));
    const auto end = process_.clock().steady() + limit;
    Duration cut_for{0};
    while (!done && !process->is_dead() && cut_for < 30s && process_.clock().steady() < end) {
        co_await process_.clock().sleep(5ms);
        cut_for = is_cut() ? cut_for + 5ms : Duration(0);
    }
    if (!done) co_return failure(std::errc::timed_out, "ssh to " + host.name + ": the connection is lost");
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
