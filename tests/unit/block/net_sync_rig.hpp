// SPDX-License-Identifier: GPL-2.0-or-later
// What the tests of the sync share: the disk of "alpha" (the source) and the disk of "beta" (the target), simulated.
#pragma once

#include "kernel/block/disk.hpp"
#include "kernel/block/sync_client.hpp"
#include "kernel/block/sync_server.hpp"
#include "net_rig.hpp"

namespace mars::block::test {

inline constexpr const char* kDiskPath = "/dev/data";

inline void set_contents(env::sim::Machine& machine, const Bytes& content) {
    auto inode = machine.filesystem().add_disk(kDiskPath, content.size());
    inode->current = inode->durable = content;
}
inline const Bytes& contents(env::sim::Machine& machine) {
    return *machine.filesystem().contents(kDiskPath);
}

inline std::unique_ptr<Disk> open_disk(env::sim::World& world, env::sim::Process& process) {
    std::unique_ptr<Disk> disk;
    env::TaskGroup tasks(process);
    auto open = [](env::Env& env, std::unique_ptr<Disk>& to) -> env::task<void> {
        auto opened = co_await Disk::open(env, kDiskPath);
        REQUIRE(opened);
        to = *std::move(opened);
    };
    run_now(world, tasks, open(process, disk));
    world.settle();
    return disk;
}

class TestSource final : public SyncSource {
  public:
    std::unique_ptr<Disk> disk;
    bool is_accepting = true;
    std::uint64_t bytes_read = 0;
    std::optional<std::uint64_t> shown_size;
    std::function<void()> before_read;

    std::uint64_t size() const override { return shown_size.value_or(disk->size()); }
    bool accepts() const override { return is_accepting; }
    env::task<result<void>> read(std::uint64_t offset, std::span<std::byte> into) override {
        if (before_read) before_read();
        bytes_read += into.size();
        return disk->read(offset, into);
    }
};

// The source.
struct SyncAlpha {
    SyncAlpha(env::sim::World& world, const Bytes& content)
        : machine(world.add_machine("alpha", "10.0.0.1")), process(machine.start_process("marsd")), gate("alpha"),
          source(std::make_shared<TestSource>()),
          server(
              *process, gate, [this](const std::string&) { return source; }, digests),
          tasks(*process) {
        set_contents(machine, content);
        source->disk = open_disk(world, *process);
        env::Endpoint at;
        at.port = kSyncPort;
        REQUIRE(server.start(at));
    }
    ~SyncAlpha() { process->kill(); }

    env::sim::Machine& machine;
    std::unique_ptr<env::sim::Process> process;
    TestGate gate;
    std::shared_ptr<TestSource> source;
    Turns digests{process->lot()};
    SyncServer server;
    env::TaskGroup tasks;
};

class TestSyncObserver final : public SyncObserver {
  public:
    std::uint64_t offset = 0;
    std::function<void(std::uint64_t)> on_copied;
    void copied(std::uint64_t o) override {
        CHECK(o > offset);
        offset = o;
        if (on_copied) on_copied(o);
    }
};

// One life of the target's program.
struct SyncBeta {
    SyncBeta(env::sim::World& w, env::sim::Machine& m)
        : world(w), machine(m), process(machine.start_process("marsd")), disk(open_disk(world, *process)),
          tasks(*process) {
        plan.peer.address = "10.0.0.1";
        plan.peer.port = kSyncPort;
        plan.peer_host = "alpha";
        plan.uuid = kUuid;
        plan.resource = "mydata";
        plan.end = disk->size();
    }
    ~SyncBeta() { process->kill(); }

    void start() {
        ended.reset();
        client = std::make_unique<SyncClient>(*process, *disk, plan, observer, digests, nullptr, nullptr, limits);
        tasks.spawn("sync", run());
    }
    env::task<void> run() { ended = co_await client->run(); }
    bool finish(Duration limit = 600s) {
        if (!client) start();
        return world.run_until([&] { return ended.has_value(); }, limit);
    }

    env::sim::World& world;
    env::sim::Machine& machine;
    std::unique_ptr<env::sim::Process> process;
    std::unique_ptr<Disk> disk;
    SyncPlan plan;
    SyncClient::Limits limits;
    TestSyncObserver observer;
    Turns digests{process->lot()};
    std::unique_ptr<SyncClient> client;
    std::optional<result<SyncEnd>> ended;
    env::TaskGroup tasks;
};

inline void stop_all(env::sim::World& world, SyncAlpha& alpha) {
    bool stopped = false;
    env::TaskGroup owner(*alpha.process);
    auto stopper = [](SyncAlpha& a, bool& flag) -> env::task<void> {
        co_await a.server.stop();
        flag = true;
    };
    owner.spawn("stop", stopper(alpha, stopped));
    REQUIRE(world.run_until([&] { return stopped; }, 60s));
    world.settle();
}

} // namespace mars::block::test
