// SPDX-License-Identifier: GPL-2.0-or-later
// The primary's side of a resource over a write path that is not the Logger: the engine needs nothing but the
// interface.
#include "kernel/resource/append_engine.hpp"

#include <catch2/catch.hpp>

#include <cerrno>

#include "kernel/env/sim/machine.hpp"
#include "kernel/env/task_group.hpp"
#include "tests/unit/resource/no_exports.hpp"

using namespace mars;
using namespace mars::resource;
using namespace std::chrono_literals;

namespace {

const LogName kLog1{1, "alpha"}, kLog2{2, "alpha"};

class NoDisk final : public block::Device {
  public:
    std::uint64_t size() const override { return 4096; }
    env::task<result<void>> read(std::uint64_t, std::span<std::byte>) override { co_return result<void>(); }
    env::task<result<void>> write(std::uint64_t, std::span<const std::byte>, bool) override {
        co_return result<void>();
    }
    env::task<result<void>> flush() override { co_return result<void>(); }
};

// What a write path has been told, and what it says; survives it.
struct Script {
    block::WritePathSetup setup;
    std::vector<block::LogProgress> open, finished;
    std::optional<failure> failed;
    bool is_stopped = false;
};

class ScriptedPath final : public block::WritePath {
  public:
    ScriptedPath(env::Env& env, Script& script) : script_(script), changed_(env.lot()) {}

    std::uint64_t size() const override { return 4096; }
    env::task<result<void>> read(std::uint64_t, std::span<std::byte>) override { co_return result<void>(); }
    env::task<result<void>> write(std::uint64_t, std::span<const std::byte>, bool) override {
        co_return result<void>();
    }
    env::task<result<void>> flush() override { co_return result<void>(); }

    env::task<result<void>> rotate(format::LogName next) override {
        block::LogProgress begin;
        begin.log = std::move(next);
        script_.open.push_back(std::move(begin));
        co_return result<void>();
    }
    env::task<result<void>> stop() override {
        script_.is_stopped = true;
        co_return result<void>();
    }
    std::vector<block::LogProgress> open_logs() const override { return script_.open; }
    std::vector<block::LogProgress> take_finished() override { return std::exchange(script_.finished, {}); }
    std::optional<failure> failed() const override { return script_.failed; }
    bool is_log_failed() const override { return script_.failed.has_value(); }
    block::WriteCounters counters() const override { return {}; }
    env::Event& changed() override { return changed_; }

  private:
    Script& script_;
    env::Event changed_;
};

class ScriptedProvider final : public block::WritePathProvider {
  public:
    ScriptedProvider(env::Env& env, Script& script) : env_(env), script_(script) {}

    env::task<result<std::unique_ptr<block::WritePath>>> start(block::WritePathSetup setup) override {
        script_.setup = std::move(setup);
        block::LogProgress begin;
        begin.log = script_.setup.log;
        script_.open = {begin};
        std::unique_ptr<block::WritePath> path = std::make_unique<ScriptedPath>(env_, script_);
        co_return std::move(path);
    }

  private:
    env::Env& env_;
    Script& script_;
};

// alpha is primary of resource r.
struct Scene {
    Scene() {
        REQUIRE(process->storage().make_directory("/mars"));
        REQUIRE(process->storage().make_directory("/mars/resource-r"));
        auto open = [](Scene& s) -> env::task<void> {
            auto opened = co_await tree::Tree::open(*s.process, "/mars");
            if (opened) s.tree = std::move(*opened);
        };
        run(open(*this));
        REQUIRE(tree);
        host = std::make_unique<Host>(*process, *tree, exports, Tunables());
        host->write_paths = std::make_unique<ScriptedProvider>(*process, script);
        logs = std::make_unique<LogStore>(*process, "/mars/resource-r", "alpha",
                                          [](const LogName&) { return std::optional<std::int64_t>(); });
        signal = std::make_unique<Signal>(*process);
        positions = std::make_unique<Positions>(*tree, "r", "alpha");
        engine = std::make_unique<AppendEngine>(*host, "r", *logs, *signal);
        auto start = [](Scene& s) -> env::task<void> {
            auto log = kLog1;
            const auto started = co_await s.engine->start(s.disk, std::move(log));
            s.is_started = started.has_value();
        };
        run(start(*this));
        REQUIRE(is_started);
    }
    ~Scene() { machine.end_all_processes(); }

    void run(env::task<void> t) {
        group.spawn("step", std::move(t));
        REQUIRE(world.run_until([&] { return group.live() == 0; }, 10s));
    }
    bool publish() {
        bool done = false;
        auto work = [](Scene& s, bool& ok) -> env::task<void> {
            const auto published = co_await s.engine->publish(*s.positions);
            ok = published.has_value();
        };
        run(work(*this, done));
        return done;
    }
    std::string replay() const { return tree->value("resource-r/replay-alpha"); }

    env::sim::World world{1};
    env::sim::Machine& machine = world.add_machine("alpha", "10.0.0.1");
    std::unique_ptr<env::sim::Process> process = machine.start_process("marsd");
    env::TaskGroup group{*process};
    Script script;
    NoDisk disk;
    test::NoExports exports;
    std::unique_ptr<tree::Tree> tree;
    std::unique_ptr<Host> host;
    std::unique_ptr<LogStore> logs;
    std::unique_ptr<Signal> signal;
    std::unique_ptr<Positions> positions;
    std::unique_ptr<AppendEngine> engine;
    bool is_started = false;
};

} // namespace

TEST_CASE("a write path is begun over the disk, with the first log, where the resource's logs are") {
    Scene s;
    CHECK(s.script.setup.disk == &s.disk);
    CHECK(s.script.setup.directory == "/mars/resource-r");
    CHECK(s.script.setup.log == kLog1);
    CHECK(s.engine->log() == kLog1);
    CHECK(s.engine->counters());
}

TEST_CASE("peers learn of what a write path has made durable, and of no log as complete while it grows") {
    Scene s;
    s.script.open[0].durable = s.script.open[0].end = 500;
    auto rotate = [](AppendEngine& engine) -> env::task<void> {
        auto next = kLog2;
        (void)co_await engine.rotate(std::move(next));
    };
    s.run(rotate(*s.engine));
    CHECK_FALSE(s.engine->may_rotate()); // before the first log is written back
    CHECK(s.engine->log() == kLog2);
    CHECK(s.logs->length(kLog1) == 500);
    for (const auto& log : s.logs->logs()) CHECK(log.complete == (log.name == kLog1));
}

TEST_CASE("final positions of earlier logs are published before any later one") {
    Scene s;
    REQUIRE(s.publish());
    s.script.finished = s.script.open;
    s.script.finished[0].min = s.script.finished[0].durable = s.script.finished[0].end = 700;
    s.script.open[0] = {};
    s.script.open[0].log = kLog2;
    REQUIRE(s.publish());
    CHECK(s.tree->value("resource-r/version-000000001-alpha").find(",700:") != std::string::npos);
    CHECK(s.replay().find(kLog2.text()) != std::string::npos);
}

TEST_CASE("after stop() the positions remain until they are published and forgotten") {
    Scene s;
    auto stop = [](AppendEngine& engine) -> env::task<void> { co_await engine.stop(); };
    s.run(stop(*s.engine));
    CHECK(s.script.is_stopped);
    CHECK(s.engine->is_stopped());
    CHECK(s.engine->is_running());
    REQUIRE(s.publish());
    s.engine->forget();
    CHECK_FALSE(s.engine->is_running());
    CHECK_FALSE(s.engine->counters());
}
