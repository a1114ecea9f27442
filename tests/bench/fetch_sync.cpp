// SPDX-License-Identifier: GPL-2.0-or-later
// What fetch and sync cost, both ends in one process over loopback, with real files. Prints MB/s and bytes on the line.
// Usage: bench_fetch_sync DIRECTORY [MIB]
// Uses DIRECTORY/bench-fetch-sync/ (removed at the end): a log of MIB (default 1024) and two disks of that size.
// Both ends share one thread here: real hosts have one each.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "kernel/block/disk.hpp"
#include "kernel/block/log_fetch_client.hpp"
#include "kernel/block/log_fetch_server.hpp"
#include "kernel/block/sync_client.hpp"
#include "kernel/block/sync_server.hpp"
#include "kernel/env/real/real_env.hpp"

namespace {

using namespace mars;
using namespace mars::block;
using Seconds = std::chrono::duration<double>;

constexpr std::size_t kMiB = std::size_t{1} << 20;
constexpr const char* kUuid = "bench_1.0";

[[noreturn]] void die(const std::string& what) {
    std::fprintf(stderr, "bench_fetch_sync: %s\n", what.c_str());
    std::exit(1);
}

template<class T>
T must(result<T> r) {
    if (!r) die(r.error().text);
    return *std::move(r);
}
void must(result<void> r) {
    if (!r) die(r.error().text);
}

Seconds cpu_time() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return Seconds(seconds(usage.ru_utime) + seconds(usage.ru_stime));
}

format::LogName log_name() {
    format::LogName name;
    name.seq = 1;
    name.host = "bench";
    return name;
}

class OpenGate final : public PeerGate {
  public:
    explicit OpenGate(std::string host) : host_(std::move(host)) {}
    Welcome identity() const override {
        Welcome welcome;
        welcome.host = host_;
        welcome.uuid = kUuid;
        return welcome;
    }
    bool is_member(const std::string&) const override { return true; }
    result<void> admit(const Hello&, const env::Endpoint&) const override { return {}; }

  private:
    std::string host_;
};

class OneLog final : public LogSource {
  public:
    OneLog(env::Env& env, std::string path, std::uint64_t length)
        : env_(env), path_(std::move(path)), changed_(env.lot()) {
        state_.name = log_name();
        state_.durable_length = length;
    }
    std::vector<LogState> logs() const override { return {state_}; }
    env::Event& changed() override { return changed_; }
    env::task<result<std::unique_ptr<env::File>>> open(format::LogName) override {
        return env_.storage().open(path_, env::OpenMode());
    }

  private:
    env::Env& env_;
    std::string path_;
    LogState state_;
    env::Event changed_;
};

class DiskSource final : public SyncSource {
  public:
    explicit DiskSource(Disk& disk) : disk_(disk) {}
    std::uint64_t size() const override { return disk_.size(); }
    bool accepts() const override { return true; }
    env::task<result<void>> read(std::uint64_t offset, std::span<std::byte> into) override {
        return disk_.read(offset, into);
    }

  private:
    Disk& disk_;
};

class UntilLength final : public FetchObserver {
  public:
    UntilLength(env::Env& env, std::uint64_t length) : arrived(env.lot()), length_(length) {}
    env::Event arrived;
    bool is_complete = false;

    void log_grew(const format::LogName&, std::uint64_t durable_length) override {
        if (durable_length < length_) return;
        is_complete = true;
        arrived.notify();
    }
    void log_complete(const format::LogName&, std::uint64_t) override {}

  private:
    std::uint64_t length_;
};

class Ignore final : public SyncObserver {
  public:
    void copied(std::uint64_t) override {}
};

struct Bench {
    Bench(boost::asio::io_context& context, std::string dir, std::uint64_t size)
        : env(context, env::LogLevel::warning), directory(std::move(dir)), bytes(size), gate(env.hostname()) {}

    env::RealEnv env;
    std::string directory;
    std::uint64_t bytes;
    OpenGate gate;
};

void print(const char* what, std::uint64_t bytes, Seconds took, Seconds cpu, std::uint64_t wire) {
    std::printf("%-34s %8.1f MB/s %8.2f s  cpu %6.2f s  line %12llu bytes  %6.2f %%\n", what,
                static_cast<double>(bytes) / 1e6 / took.count(), took.count(), cpu.count(),
                static_cast<unsigned long long>(wire), 100.0 * static_cast<double>(wire) / static_cast<double>(bytes));
}

// A file of random bytes; with `different_percent` that many of the blocks are others than with 0.
env::task<void> make_file(Bench& bench, std::string path, unsigned different_percent) {
    env::OpenMode mode;
    mode.write = mode.create = true;
    auto file = must(co_await bench.env.storage().open(path, mode));
    std::mt19937_64 random(1), choice(2);
    std::vector<std::uint64_t> words(kMiB / 8);
    for (std::uint64_t offset = 0; offset < bench.bytes; offset += kMiB) {
        for (auto& word : words) word = random();
        for (std::size_t block = 0; block < words.size(); block += 512)
            if (choice() % 100 < different_percent) words[block] ^= 1;
        must(co_await file->write(offset, std::as_bytes(std::span(words))));
    }
    must(co_await file->sync_data());
}

env::task<result<FetchEnd>> until_complete(UntilLength& observer) {
    while (!observer.is_complete) co_await observer.arrived.wait();
    co_return FetchEnd();
}

env::task<void> fetch(Bench& bench) {
    auto source = std::make_shared<OneLog>(bench.env, bench.directory + "/a", bench.bytes);
    FetchServer server(bench.env, bench.gate, [&](const std::string&) { return source; });
    env::Endpoint at;
    at.address = "127.0.0.1";
    at.port = 17778;
    must(server.start(at));
    FetchPlan plan;
    plan.peer = at;
    plan.peer_host = bench.env.hostname();
    plan.uuid = kUuid;
    plan.resource = "bench";
    plan.directory = bench.directory;
    plan.log = log_name();
    UntilLength observer(bench.env, bench.bytes);
    LogFetcher fetcher(bench.env, plan, observer);
    auto begin = bench.env.clock().steady();
    auto cpu = cpu_time();
    std::vector<env::task<result<FetchEnd>>> tasks;
    tasks.push_back(fetcher.run());
    tasks.push_back(until_complete(observer));
    auto ended = co_await first_of(std::move(tasks));
    if (!ended || !observer.is_complete) die(ended ? ended->text : ended.error().text);
    print("fetch, durable", bench.bytes, bench.env.clock().steady() - begin, cpu_time() - cpu, bench.bytes);
    co_await server.stop();
    must(bench.env.storage().remove(bench.directory + "/" + log_name().text()));
}

env::task<void> sync(Bench& bench, const char* what, std::string target) {
    auto from = must(co_await Disk::open(bench.env, bench.directory + "/a"));
    auto to = must(co_await Disk::open(bench.env, target));
    auto source = std::make_shared<DiskSource>(*from);
    Turns digests(bench.env.lot());
    SyncServer server(
        bench.env, bench.gate, [&](const std::string&) { return source; }, digests);
    env::Endpoint at;
    at.address = "127.0.0.1";
    at.port = 17779;
    must(server.start(at));
    SyncPlan plan;
    plan.peer = at;
    plan.peer_host = bench.env.hostname();
    plan.uuid = kUuid;
    plan.resource = "bench";
    plan.end = bench.bytes;
    Ignore observer;
    SyncClient client(bench.env, *to, plan, observer, digests);
    auto begin = bench.env.clock().steady();
    auto cpu = cpu_time();
    auto ended = co_await client.run();
    if (!ended || ended->kind != SyncEnd::Kind::finished) die(ended ? ended->text : ended.error().text);
    auto counters = client.counters();
    print(what, bench.bytes, bench.env.clock().steady() - begin, cpu_time() - cpu,
          counters.bytes_sent + counters.bytes_received);
    co_await server.stop();
}

env::task<void> run(Bench& bench) {
    co_await make_file(bench, bench.directory + "/a", 0);
    co_await make_file(bench, bench.directory + "/b", 1);
    co_await fetch(bench);
    co_await sync(bench, "sync, 1 % of the blocks different", bench.directory + "/b");
    co_await sync(bench, "sync, identical", bench.directory + "/b");
    co_await make_file(bench, bench.directory + "/c", 100);
    co_await sync(bench, "sync, all different", bench.directory + "/c");
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 2 || argc > 3) die("usage: bench_fetch_sync DIRECTORY [MIB]");
    const auto mib = argc == 3 ? std::strtoull(argv[2], nullptr, 10) : 1024;
    if (mib == 0) die("MIB must be a positive number");
    const auto directory = std::filesystem::path(argv[1]) / "bench-fetch-sync";
    std::filesystem::create_directories(directory);
    {
        boost::asio::io_context context(1);
        Bench bench(context, directory.string(), mib * kMiB);
        std::exception_ptr error;
        boost::asio::co_spawn(context, run(bench), [&](const std::exception_ptr& e) {
            error = e;
            context.stop();
        });
        context.run();
        std::filesystem::remove_all(directory);
        if (error) std::rethrow_exception(error);
    }
}
