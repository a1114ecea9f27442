// SPDX-License-Identifier: GPL-2.0-or-later
// What the tests of fetch and sync share: two simulated hosts, "alpha" that serves and "beta" that asks.
#pragma once

#include <catch2/catch.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kernel/block/log_fetch_client.hpp"
#include "kernel/block/log_fetch_server.hpp"
#include "kernel/env/sim/machine.hpp"
#include "kernel/env/sim/network.hpp"
#include "kernel/env/task_group.hpp"
#include "tests/unit/bytes.hpp"

namespace mars::block::test {

using namespace std::chrono_literals;
using Bytes = std::vector<std::byte>;

inline constexpr const char* kDirectory = "/mars/resource-mydata";
inline constexpr const char* kUuid = "alpha_1700000000.000000001";

inline Bytes random_bytes(std::size_t size, std::uint64_t seed) {
    env::sim::SeededRandom random(seed);
    Bytes data(size);
    for (auto& b : data) b = static_cast<std::byte>(random.next() >> 32);
    return data;
}

inline format::LogName log_name(std::int64_t seq, std::string host = "alpha") {
    format::LogName name;
    name.seq = seq;
    name.host = std::move(host);
    return name;
}

inline std::string log_path(const format::LogName& name) {
    return std::string(kDirectory) + "/" + name.text();
}

inline void make_directories(env::Env& env) {
    REQUIRE(env.storage().make_directory("/mars"));
    REQUIRE(env.storage().make_directory(kDirectory));
}

class TestGate final : public PeerGate {
  public:
    explicit TestGate(std::string host) : host_(std::move(host)) {}

    std::string uuid = kUuid;
    std::string member_address = "10.0.0.2";

    Welcome identity() const override {
        Welcome welcome;
        welcome.host = host_;
        welcome.uuid = uuid;
        return welcome;
    }
    bool is_member(const std::string& address) const override { return address == member_address; }
    result<void> admit(const Hello& hello, const env::Endpoint& remote) const override {
        if (hello.uuid != uuid) return failure(std::errc::permission_denied, "you belong to another cluster");
        if (remote.address != member_address) return failure(std::errc::permission_denied, "you are no member");
        if (hello.resource != "mydata") return failure(std::errc::permission_denied, "no such resource here");
        return {};
    }

  private:
    std::string host_;
};

// Logs of one resource in the filesystem of a host, with durable lengths as somebody who writes them would tell.
class TestLogs final : public LogSource {
  public:
    explicit TestLogs(env::Env& env) : env_(env), changed_(env.lot()) {}

    std::map<format::LogName, LogState> states;
    std::map<format::LogName, Bytes> contents; // what has been appended, durable or not

    std::vector<LogState> logs() const override {
        std::vector<LogState> all;
        for (auto& [name, state] : states) all.push_back(state);
        return all;
    }
    env::Event& changed() override { return changed_; }
    env::task<result<std::unique_ptr<env::File>>> open(format::LogName name) override {
        return env_.storage().open(log_path(name), env::OpenMode());
    }

    // Appends `data`, of which the first `durable` bytes are told to be so.
    env::task<void> append(format::LogName name, Bytes data, std::size_t durable) {
        env::OpenMode mode;
        mode.write = mode.create = true;
        auto file = co_await env_.storage().open(log_path(name), mode);
        REQUIRE(file);
        auto& content = contents[name];
        auto written = co_await (*file)->write(content.size(), data);
        REQUIRE(written);
        auto synced = co_await (*file)->sync_data();
        REQUIRE(synced);
        auto named = co_await env_.storage().sync_filesystem(kDirectory);
        REQUIRE(named);
        auto& state = states[name];
        state.name = name;
        state.durable_length = content.size() + durable;
        content.insert(content.end(), data.begin(), data.end());
        changed_.notify();
    }
    env::task<void> append(format::LogName name, Bytes data) {
        auto size = data.size();
        return append(std::move(name), std::move(data), size);
    }
    void complete(const format::LogName& name) {
        states[name].complete = true;
        changed_.notify();
    }
    void forget(const format::LogName& name) {
        states.erase(name);
        changed_.notify();
    }

  private:
    env::Env& env_;
    env::Event changed_;
};

class TestObserver final : public FetchObserver {
  public:
    std::map<format::LogName, std::uint64_t> lengths;
    std::map<format::LogName, std::uint64_t> complete;

    void log_grew(const format::LogName& name, std::uint64_t durable_length) override {
        CHECK(durable_length >= lengths[name]);
        lengths[name] = durable_length;
    }
    void log_complete(const format::LogName& name, std::uint64_t length) override { complete[name] = length; }
};

// Declared after the objects of a process: ends it before they go away.
struct KillAtEnd {
    env::sim::Process& process;
    ~KillAtEnd() { process.kill(); }
};

// alpha with logs and a fetch server.
struct Alpha {
    explicit Alpha(env::sim::World& world, PeerServer::Limits limits = {})
        : machine(world.add_machine("alpha", "10.0.0.1")), process(machine.start_process("marsd")), gate("alpha"),
          logs(std::make_shared<TestLogs>(*process)),
          server(
              *process, gate, [this](const std::string&) { return logs; }, nullptr, limits),
          tasks(*process) {
        make_directories(*process);
        env::Endpoint at;
        at.port = kLogPort;
        REQUIRE(server.start(at));
    }
    ~Alpha() { process->kill(); }

    env::sim::Machine& machine;
    std::unique_ptr<env::sim::Process> process;
    TestGate gate;
    std::shared_ptr<TestLogs> logs;
    FetchServer server;
    env::TaskGroup tasks;
};

// One life of beta's fetching program.
struct Beta {
    explicit Beta(env::sim::Machine& m) : machine(m), process(machine.start_process("marsd")), tasks(*process) {
        make_directories(*process);
        plan.peer.address = "10.0.0.1";
        plan.peer.port = kLogPort;
        plan.peer_host = "alpha";
        plan.uuid = kUuid;
        plan.resource = "mydata";
        plan.directory = kDirectory;
        plan.log = log_name(1);
    }
    ~Beta() { process->kill(); }

    void start() {
        ended.reset();
        fetcher = std::make_unique<LogFetcher>(*process, plan, observer);
        tasks.spawn("fetch", run());
    }
    env::task<void> run() { ended = co_await fetcher->run(); }
    bool has(const format::LogName& name, std::uint64_t length) { return observer.lengths[name] >= length; }
    const Bytes& content(const format::LogName& name) {
        static const Bytes none;
        auto* found = machine.filesystem().contents(log_path(name));
        return found ? *found : none;
    }

    env::sim::Machine& machine;
    std::unique_ptr<env::sim::Process> process;
    FetchPlan plan;
    TestObserver observer;
    std::unique_ptr<LogFetcher> fetcher;
    std::optional<result<FetchEnd>> ended;
    env::TaskGroup tasks;
};

// Runs one coroutine of a host to its end.
inline void run_now(env::sim::World& world, env::TaskGroup& tasks, env::task<void> t) {
    bool done = false;
    auto wrapped = [](env::task<void> inner, bool& flag) -> env::task<void> {
        co_await std::move(inner);
        flag = true;
    };
    tasks.spawn("step", wrapped(std::move(t), done));
    REQUIRE(world.run_until([&] { return done; }, 600s));
}

} // namespace mars::block::test
