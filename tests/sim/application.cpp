// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/sim/application.hpp"

namespace mars::sim {

using namespace std::chrono_literals;

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

env::task<void> Application::run(Node& node, SimResource& resource) {
    auto& state = node.applications[&resource];
    while (state.shall_run) {
        auto* device = state.workers == 0 ? node.exports->open(resource.name) : nullptr;
        if (!device) {
            co_await node.process->clock().sleep(100ms);
            continue;
        }
        env::TaskGroup workers(*node.process);
        const auto count = 1 + world_.random().below(4);
        for (std::uint64_t i = 0; i < count; ++i) workers.spawn("worker", worker(node, resource, *device));
        state.workers = static_cast<int>(count);
        state.has_given_up = false;
        co_await workers.join();
        node.exports->close(resource.name);
        state.workers = 0;
        if (state.has_given_up) co_await node.process->clock().sleep(world_.random().between(500ms, 3s));
    }
}

env::task<void> Application::worker(Node& node, SimResource& resource, block::Device& device) {
    auto& random = world_.random();
    auto& state = node.applications[&resource];
    while (state.shall_run && !state.has_given_up) {
        if (random.chance(80)) {
            const bool is_written = co_await write_once(resource, device);
            if (!is_written && random.chance(10)) state.has_given_up = true;
        } else {
            co_await read_once(resource, device);
        }
        const bool is_burst = random.chance(is_lazy ? 5 : burst_percent_);
        co_await node.process->clock().sleep(is_burst  ? random.between(0ms, 3ms)
                                             : is_lazy ? random.between(1s, 5s)
                                                       : random.between(50ms, 600ms));
    }
}

env::task<bool> Application::write_once(SimResource& resource, block::Device& device) {
    auto& random = world_.random();
    auto& history = resource.history;
    const auto count = 1 + random.below(random.chance(20) ? 40 : 8);
    const auto first = random.below(history.sectors() - count);
    auto started = history.start(first, count);
    if (!started) co_return true;
    UnderWay guard(history, started->number);
    auto written = co_await device.write(first * kSector, started->data, random.chance(30));
    if (!written) co_return false;
    guard.is_acknowledged = true;
    history.acknowledge(started->number);
    co_return true;
}

// What was acknowledged before the read began must be seen by it.
env::task<void> Application::read_once(SimResource& resource, block::Device& device) {
    auto& history = resource.history;
    const auto count = 1 + world_.random().below(16);
    const auto first = world_.random().below(history.sectors() - count);
    const auto before = history.logical_time();
    std::vector<std::byte> data(count * kSector);
    auto read = co_await device.read(first * kSector, data);
    if (!read) co_return;
    const auto found = history.check_read(first, data, before);
    if (!found.empty() && wrong_.empty()) wrong_ = "read through the device of " + resource.name + ": " + found;
}

} // namespace mars::sim
