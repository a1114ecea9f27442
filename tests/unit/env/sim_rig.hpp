// SPDX-License-Identifier: GPL-2.0-or-later
// SimRig: one simulated machine with a program, for tests of what the simulation can stage.
#pragma once

#include <catch2/catch.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kernel/env/sim/machine.hpp"
#include "kernel/env/sim/network.hpp"
#include "kernel/env/task_group.hpp"

namespace mars::env::sim::testing {

using namespace std::chrono_literals;

inline std::vector<std::byte> bytes(std::size_t size, unsigned seed = 1) {
    std::vector<std::byte> data(size);
    for (std::size_t i = 0; i < size; ++i) data[i] = static_cast<std::byte>((i * 7 + seed) & 0xff);
    return data;
}

template<class T>
task<void> keep(task<T> t, std::optional<T>& out) {
    out.emplace(co_await std::move(t));
}

struct SimRig {
    explicit SimRig(std::uint64_t seed = 1)
        : world(seed), machine(world.add_machine("a", "10.0.0.1")), process(machine.start_process("test")),
          tasks(std::make_unique<TaskGroup>(*process)) {}
    ~SimRig() { process->kill(); }

    // Starts it; the value is there when it has ended.
    template<class T>
    std::shared_ptr<std::optional<T>> start(task<T> t) {
        auto out = std::make_shared<std::optional<T>>();
        tasks->spawn("test", keep(std::move(t), *out));
        results.push_back(out);
        return out;
    }
    template<class T>
    T run(task<T> t) {
        auto out = start(std::move(t));
        if (!world.run_until([&] { return out->has_value(); }, 1h)) panic("the test's coroutine does not end");
        return std::move(**out);
    }
    std::unique_ptr<File> open(const std::string& path) {
        OpenMode mode;
        mode.write = mode.create = true;
        auto opened = run(process->storage().open(path, mode));
        REQUIRE(opened);
        return std::move(*opened);
    }
    // The program and the page cache are gone, and another one is started.
    void restart() {
        machine.power_cut();
        tasks.reset();
        process = machine.start_process("test");
        tasks = std::make_unique<TaskGroup>(*process);
    }
    Faults& faults() { return machine.filesystem().faults(); }
    const std::vector<std::byte>& contents(const std::string& path) { return *machine.filesystem().contents(path); }

    World world;
    Machine& machine;
    std::unique_ptr<Process> process;
    std::vector<std::shared_ptr<void>> results; // outlive the tasks
    std::unique_ptr<TaskGroup> tasks;
};

} // namespace mars::env::sim::testing
