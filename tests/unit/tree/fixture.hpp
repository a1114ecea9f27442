// SPDX-License-Identifier: GPL-2.0-or-later
// Helpers of the tree's tests: simulated machines, and running one coroutine to its end in virtual time.
#pragma once

#include <catch2/catch.hpp>

#include <optional>

#include "kernel/env/sim/machine.hpp"
#include "kernel/env/sim/network.hpp"
#include "kernel/env/task_group.hpp"
#include "kernel/tree/disk_view.hpp"
#include "kernel/tree/tree.hpp"

namespace mars::tree::testing {

using namespace std::chrono_literals;
using env::sim::Machine;
using env::sim::Process;
using env::sim::World;

// Runs `work` as a task of `process` until it ends.
template<class T>
T run(Process& process, env::task<T> work) {
    std::optional<T> result;
    auto wrapper = [](env::task<T> inner, std::optional<T>& out) -> env::task<void> {
        out.emplace(co_await std::move(inner));
    };
    env::TaskGroup group(process);
    group.spawn("test", wrapper(std::move(work), result));
    REQUIRE(process.machine().world().run_until([&] { return group.live() == 0; }, 10min));
    REQUIRE(result);
    return std::move(*result);
}

inline void run(Process& process, env::task<void> work) {
    env::TaskGroup group(process);
    group.spawn("test", std::move(work));
    REQUIRE(process.machine().world().run_until([&] { return group.live() == 0; }, 10min));
}

// What an administrator or another program does on a machine while marsd runs.
struct Hand {
    explicit Hand(Machine& machine) : process(machine.start_process("hand")) {}

    void link(const std::string& path, const std::string& value, Stamp stamp) {
        const auto slash = path.rfind('/');
        const auto temporary = path.substr(0, slash + 1) + ".tmp.1." + path.substr(slash + 1);
        auto done = process->storage().write_symlink(path, temporary, value, stamp);
        REQUIRE(done);
    }
    void directory(const std::string& path) { REQUIRE(process->storage().make_directory(path)); }
    void file(const std::string& path, const std::string& content) {
        REQUIRE(process->storage().write_file(path, content));
    }
    void remove(const std::string& path) { REQUIRE(process->storage().remove(path)); }
    std::optional<env::SymlinkValue> read(const std::string& path) {
        auto link = process->storage().read_symlink(path);
        return link ? std::optional(*link) : std::nullopt;
    }
    bool exists(const std::string& path) { return process->storage().status(path).has_value(); }

    std::unique_ptr<Process> process;
};

// A machine with a running tree.
struct TreeHost {
    TreeHost(World& w, const std::string& name, const std::string& address)
        : world(w), machine(w.add_machine(name, address)), hand(machine) {}
    ~TreeHost() { stop(); }

    void start() {
        process = machine.start_process("marsd");
        auto opened = run(*process, Tree::open(*process, "/mars"));
        if (!opened) FAIL(opened.error().text);
        tree = std::move(*opened);
    }
    void stop() {
        if (!tree) return;
        run(*process, tree->close());
        tree.reset();
        process.reset();
    }
    Stamp real() const { return machine.real_time(); }

    World& world;
    Machine& machine;
    Hand hand;
    std::unique_ptr<Process> process;
    std::unique_ptr<Tree> tree;
};

} // namespace mars::tree::testing
