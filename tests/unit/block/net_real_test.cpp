// SPDX-License-Identifier: GPL-2.0-or-later
// Fetch and sync over real sockets and files: the same promises as in the simulation.
#include "kernel/block/concurrently.hpp"
#include "kernel/block/disk.hpp"
#include "kernel/block/log_fetch_client.hpp"
#include "kernel/block/log_fetch_server.hpp"
#include "kernel/block/sync_client.hpp"
#include "kernel/block/sync_server.hpp"
#include "kernel/env/sim/world.hpp"
#include "kernel/env/task_group.hpp"
#include "tests/unit/env/run.hpp"

using namespace mars;
using namespace mars::block;
using env::testing::Host;

namespace {

using Bytes = std::vector<std::byte>;
constexpr const char* kUuid = "real_1.0";
constexpr std::size_t kMiB = std::size_t{1} << 20;

Bytes random_bytes(std::size_t size, std::uint64_t seed) {
    env::sim::SeededRandom random(seed);
    Bytes data(size);
    for (auto& b : data) b = static_cast<std::byte>(random.next() >> 32);
    return data;
}

class Gate final : public PeerGate {
  public:
    explicit Gate(std::string host) : host_(std::move(host)) {}
    Welcome identity() const override {
        Welcome welcome;
        welcome.host = host_;
        welcome.uuid = kUuid;
        return welcome;
    }
    bool is_member(const std::string&) const override { return true; }
    result<void> admit(const Hello& hello, const env::Endpoint& remote) const override {
        if (remote.address != "127.0.0.1") return failure(std::errc::permission_denied, "not from here");
        if (hello.uuid != kUuid) return failure(std::errc::permission_denied, "another cluster");
        return {};
    }

  private:
    std::string host_;
};

env::task<void> append(env::Env& env, std::string path, std::uint64_t offset, Bytes data) {
    env::OpenMode mode;
    mode.write = mode.create = true;
    auto file = co_await env.storage().open(path, mode);
    REQUIRE(file);
    auto written = co_await (*file)->write(offset, data);
    REQUIRE(written);
}

Bytes read_back(Host& host, const std::string& path) {
    auto text = host.env.storage().read_file(path, std::size_t{1} << 30);
    REQUIRE(text);
    auto all = std::as_bytes(std::span(*text));
    return Bytes(all.begin(), all.end());
}

class Logs final : public LogSource, public FetchObserver {
  public:
    Logs(Host& host) : host_(host), changed_(host.env.lot()), arrived(host.env.lot()) {}

    std::vector<LogState> states;
    std::vector<LogState> logs() const override { return states; }
    env::Event& changed() override { return changed_; }
    env::task<result<std::unique_ptr<env::File>>> open(format::LogName name) override {
        return host_.env.storage().open(host_.path("source-" + name.text()), env::OpenMode());
    }

    void log_grew(const format::LogName& name, std::uint64_t length) override {
        log = name;
        durable = length;
        arrived.notify();
    }
    void log_complete(const format::LogName&, std::uint64_t) override {}

    format::LogName log;
    std::uint64_t durable = 0;

  private:
    Host& host_;
    env::Event changed_;

  public:
    env::Event arrived;
};

format::LogName log_name(const Host& host, std::int64_t seq) {
    format::LogName name;
    name.seq = seq;
    name.host = host.env.hostname();
    return name;
}

} // namespace

TEST_CASE("real: logs are fetched byte for byte while they grow and rotate") {
    Host host;
    Gate gate(host.env.hostname());
    auto logs = std::make_shared<Logs>(host);
    FetchServer server(host.env, gate, [&](const std::string&) { return logs; });
    auto first = random_bytes(5 * kMiB + 123, 1), second = random_bytes(100'000, 2);
    const std::vector<std::size_t> ends = {3 * kMiB, first.size()};
    env::TaskGroup tasks(host.env);
    std::unique_ptr<LogFetcher> fetcher;
    auto fetch = [&]() -> env::task<void> { (void)co_await fetcher->run(); };
    host.run([&]() -> env::task<void> {
        REQUIRE(server.start(env::Endpoint{"127.0.0.1", 0}));
        const auto one = log_name(host, 1), two = log_name(host, 2);
        FetchPlan plan;
        plan.peer = server.local();
        plan.peer_host = host.env.hostname();
        plan.uuid = kUuid;
        plan.resource = "mydata";
        plan.directory = host.directory;
        plan.log = one;
        for (std::size_t end : ends) {
            auto begin = logs->states.empty() ? 0 : logs->states[0].durable_length;
            Bytes part(first.begin() + static_cast<std::ptrdiff_t>(begin),
                       first.begin() + static_cast<std::ptrdiff_t>(end));
            co_await append(host.env, host.path("source-" + one.text()), begin, std::move(part));
            logs->states.resize(1);
            logs->states[0].name = one;
            logs->states[0].durable_length = end;
            logs->changed().notify();
            if (!fetcher) {
                fetcher = std::make_unique<LogFetcher>(host.env, plan, *logs);
                tasks.spawn("fetch", fetch());
            }
            while (logs->durable < end) co_await logs->arrived.wait();
        }
        co_await append(host.env, host.path("source-" + two.text()), 0, second);
        LogState state;
        state.name = two;
        state.durable_length = second.size();
        logs->states.push_back(state);
        logs->states[0].complete = true;
        logs->changed().notify();
        while (logs->log != two || logs->durable < second.size()) co_await logs->arrived.wait();
        co_await tasks.stop();
        co_await server.stop();
    });
    CHECK(read_back(host, host.path(log_name(host, 1).text())) == first);
    CHECK(read_back(host, host.path(log_name(host, 2).text())) == second);
}

namespace {

class Source final : public SyncSource {
  public:
    explicit Source(Disk& disk) : disk_(disk) {}
    std::uint64_t size() const override { return disk_.size(); }
    bool accepts() const override { return true; }
    env::task<result<void>> read(std::uint64_t offset, std::span<std::byte> into) override {
        return disk_.read(offset, into);
    }

  private:
    Disk& disk_;
};

class Progress final : public SyncObserver {
  public:
    explicit Progress(env::Env& env) : moved(env.lot()) {}
    void copied(std::uint64_t o) override {
        offset = o;
        moved.notify();
    }
    std::uint64_t offset = 0;
    env::Event moved;
};

struct SyncFixture {
    SyncFixture(const Bytes& from, const Bytes& to) : gate(host.env.hostname()), progress(host.env) {
        host.run([&]() -> env::task<void> {
            co_await append(host.env, host.path("from"), 0, from);
            co_await append(host.env, host.path("to"), 0, to);
            auto a = co_await Disk::open(host.env, host.path("from"));
            auto b = co_await Disk::open(host.env, host.path("to"));
            REQUIRE(a);
            REQUIRE(b);
            source_disk = *std::move(a);
            disk = *std::move(b);
        });
        source = std::make_shared<Source>(*source_disk);
        server = std::make_unique<SyncServer>(
            host.env, gate, [this](const std::string&) { return source; }, digests);
        REQUIRE(server->start(env::Endpoint{"127.0.0.1", 0}));
        plan.peer = server->local();
        plan.peer_host = host.env.hostname();
        plan.uuid = kUuid;
        plan.resource = "mydata";
        plan.end = disk->size();
    }

    Host host;
    Gate gate;
    Progress progress;
    Turns digests{host.env.lot()};
    std::unique_ptr<Disk> source_disk, disk;
    std::shared_ptr<Source> source;
    std::unique_ptr<SyncServer> server;
    SyncPlan plan;
};

} // namespace

TEST_CASE("real: a sync makes the disks equal and transfers what differs") {
    auto content = random_bytes(24 * kMiB + 4096 + 512, 3);
    auto old = content;
    for (std::size_t i = 4096 * 7; i < old.size(); i += 4096 * 50) old[i] ^= std::byte{1};
    std::fill(old.begin() + kMiB, old.begin() + 2 * kMiB, std::byte{0});
    SyncFixture f(content, old);
    SyncClient client(f.host.env, *f.disk, f.plan, f.progress, f.digests);
    f.host.run([&]() -> env::task<void> {
        auto ended = co_await client.run();
        INFO((ended ? ended->text : ended.error().text));
        REQUIRE(ended);
        CHECK(ended->kind == SyncEnd::Kind::finished);
        co_await f.server->stop();
    });
    CHECK(f.progress.offset == content.size());
    CHECK(read_back(f.host, f.host.path("to")) == content);
    auto counters = client.counters();
    auto changed = counters.blocks_different * 4096;
    CHECK(counters.bytes_received + counters.bytes_sent < changed + changed / 8 + content.size() / 500);
}

TEST_CASE("real: a sync that is stopped in the middle goes on where it was") {
    auto content = random_bytes(48 * kMiB, 4);
    SyncFixture f(content, Bytes(content.size()));
    SyncClient::Limits limits;
    limits.report = std::chrono::milliseconds(1);
    limits.window_bytes = 2 * kMiB;
    SyncClient first(f.host.env, *f.disk, f.plan, f.progress, f.digests, nullptr, nullptr, limits);
    env::TaskGroup tasks(f.host.env);
    auto sync = [&]() -> env::task<void> { (void)co_await first.run(); };
    std::unique_ptr<SyncClient> second;
    f.host.run([&]() -> env::task<void> {
        tasks.spawn("sync", sync());
        while (f.progress.offset == 0) co_await f.progress.moved.wait();
        co_await tasks.stop();
        f.plan.start = f.progress.offset;
        second = std::make_unique<SyncClient>(f.host.env, *f.disk, f.plan, f.progress, f.digests);
        auto ended = co_await second->run();
        REQUIRE(ended);
        CHECK(ended->kind == SyncEnd::Kind::finished);
        co_await f.server->stop();
    });
    CHECK(second->counters().bytes_compared <= content.size() - f.plan.start + kMiB);
    CHECK(read_back(f.host, f.host.path("to")) == content);
}
