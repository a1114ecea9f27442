// SPDX-License-Identifier: GPL-2.0-or-later
// Replay begins when there is something to apply.
#include "kernel/resource/replay_runner.hpp"

#include <catch2/catch.hpp>

#include <cerrno>

#include "kernel/env/sim/machine.hpp"
#include "kernel/env/task_group.hpp"
#include "tests/unit/resource/no_exports.hpp"

using namespace mars;
using namespace mars::resource;
using namespace std::chrono_literals;

namespace {

const LogName kLog{1, "alpha"};
constexpr std::int64_t kRecord = 4180; // bytes of the log for one block

// beta has a log with two records of alpha.
struct Scene {
    Scene() {
        machine.filesystem().add_disk("/disks/d", 64 << 10);
        REQUIRE(process->storage().make_directory("/mars"));
        REQUIRE(process->storage().make_directory("/mars/resource-r"));
        run(open(*this));
        REQUIRE((tree && disk));
        host = std::make_unique<Host>(*process, *tree, exports, Tunables());
        run(write_log(*this));
        logs = std::make_unique<LogStore>(*process, "/mars/resource-r", "beta",
                                          [](const LogName&) { return std::optional<std::int64_t>(); });
        context.emplace(Context{*host, view.emplace(*tree, "r"), *logs, positions.emplace(*tree, "r", "beta"), signal,
                                round, quiet});
        repair.emplace(*process, "r", *logs, signal, std::uint16_t(7778));
        health.emplace(*context, *repair);
        runner.emplace(*context, *health);
        REQUIRE(tree->set("resource-r/replay-beta", "log-000000001-alpha,0,0"));
    }
    ~Scene() { machine.end_all_processes(); }

    static env::task<void> open(Scene& s) {
        auto opened = co_await tree::Tree::open(*s.process, "/mars");
        if (opened) s.tree = std::move(*opened);
        auto disk = co_await block::Disk::open(*s.process, "/disks/d");
        if (disk) s.disk = std::move(*disk);
    }
    static env::task<void> write_log(Scene& s) {
        block::WritePathSetup setup;
        setup.disk = s.disk.get();
        setup.resource = "r";
        setup.directory = "/mars/resource-r";
        setup.log = kLog;
        setup.stamp = [&s] { return s.tree->lamport().tick(); };
        setup.kinds = [] { return static_cast<format::KindMask>(MARS_LOG_ALL_SUMS); };
        auto path = co_await s.host->write_paths->start(std::move(setup));
        REQUIRE(path);
        const std::vector<std::byte> block(4096, std::byte{1});
        for (std::uint64_t i = 0; i < 2; ++i) {
            auto written = co_await (*path)->write(i * 4096, block, false);
            REQUIRE(written);
        }
        auto stopped = co_await (*path)->stop();
        REQUIRE(stopped);
    }
    void run(env::task<void> t) {
        group.spawn("step", std::move(t));
        REQUIRE(world.run_until([&] { return group.live() == 0; }, 10s));
    }
    // One step of the controller with `length` bytes of the log here; true: a run has begun, and has ended now.
    bool replays(std::int64_t length) {
        Plan plan;
        plan.work = Work::replay;
        plan.log = kLog;
        plan.start = position;
        plan.end = length;
        bool has_begun = false;
        auto step = [](Scene& s, Plan wanted, bool& begun) -> env::task<void> {
            begun = co_await s.runner->advance(wanted, s.disk);
            while (begun && !s.runner->has_ended()) co_await s.process->clock().sleep(1ms);
            if (!begun) co_return;
            (void)co_await s.runner->publish();
            co_await s.runner->take_outcome();
        };
        run(step(*this, plan, has_begun));
        position = view->replay("beta")->pos;
        return has_begun;
    }

    env::sim::World world{1};
    env::sim::Machine& machine = world.add_machine("beta", "10.0.0.2");
    std::unique_ptr<env::sim::Process> process = machine.start_process("marsd");
    env::TaskGroup group{*process};
    test::NoExports exports;
    std::unique_ptr<tree::Tree> tree;
    std::shared_ptr<block::Disk> disk;
    std::unique_ptr<Host> host;
    std::unique_ptr<LogStore> logs;
    std::optional<ResourceView> view;
    std::optional<Positions> positions;
    Signal signal{*process};
    Round round;
    env::QuietLog quiet{*process};
    std::optional<Context> context;
    std::optional<RepairEngine> repair;
    std::optional<LogHealth> health;
    std::optional<ReplayRunner> runner;
    std::int64_t position = 0;
};

} // namespace

TEST_CASE("a part of a record is not replayed again and again, but when more of it has come") {
    Scene s;
    REQUIRE(s.replays(kRecord + 100)); // a line that broke in the middle
    CHECK(s.position == kRecord);
    CHECK_FALSE(s.replays(kRecord + 100));
    CHECK(s.replays(kRecord + 200));
    CHECK_FALSE(s.replays(kRecord + 200));
    CHECK(s.replays(2 * kRecord));
    CHECK(s.position == 2 * kRecord);
}

TEST_CASE("a log that was cut off and came again is replayed, although it is not longer") {
    Scene s;
    REQUIRE(s.replays(kRecord + 100));
    CHECK_FALSE(s.replays(kRecord + 100));
    s.logs->log_grew(kLog, kRecord + 100);
    s.logs->log_grew(kLog, kRecord);
    s.logs->log_grew(kLog, kRecord + 100);
    CHECK(s.replays(kRecord + 100));
}

TEST_CASE("what was replayed and cannot be published is not replayed again at once, also when nobody is primary") {
    Scene s;
    env::sim::Fault fault;
    fault.pattern = "/mars/resource-r/replay-beta";
    fault.operations = {env::sim::Operation::rename};
    fault.error = EIO;
    const auto number = s.machine.filesystem().faults().add(fault);
    REQUIRE(s.replays(kRecord));
    CHECK(s.position == 0);
    CHECK_FALSE(s.replays(kRecord));
    s.machine.filesystem().faults().remove(number);
    s.world.run_for(1s);
    CHECK(s.replays(kRecord));
    CHECK(s.position == kRecord);
    CHECK(s.replays(2 * kRecord));
}
