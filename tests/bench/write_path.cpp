// SPDX-License-Identifier: GPL-2.0-or-later
// What the write path of a primary costs, beside a raw append + fdatasync of as many bytes on the same filesystem.
// Usage: bench_write_path DIRECTORY [SECONDS [WRITERS…]]
// Uses DIRECTORY/bench-write-path/ (removed at the end) for the log and a sparse disk of 1 GiB. Each writer keeps one
// random 4 KiB write in flight. Columns: acknowledged writes/s, mean latency; ratio to the raw loop, which writes one
// record per writer and syncs once; records per commit; then microseconds per record: user and system CPU of the whole
// process, time spent encoding, appending, syncing, and writing back.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "kernel/block/disk.hpp"
#include "kernel/block/logger.hpp"
#include "kernel/env/real/real_env.hpp"
#include "kernel/env/task_group.hpp"

namespace {

using namespace mars;
using namespace mars::block;
using Seconds = std::chrono::duration<double>;

constexpr std::uint64_t kDiskBytes = std::uint64_t(1) << 30;
constexpr std::size_t kWrite = 4096;
constexpr std::size_t kRecord = kWrite + MARS_LOG_OVERHEAD;

[[noreturn]] void die(const std::string& what) {
    std::fprintf(stderr, "bench_write_path: %s\n", what.c_str());
    std::exit(1);
}

double micros(Duration d, std::uint64_t records) {
    return records ? Seconds(d).count() * 1e6 / static_cast<double>(records) : 0;
}

Duration cpu_time(bool user) {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto& time = user ? usage.ru_utime : usage.ru_stime;
    return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

// Records per second of: append `writers` records to a growing file, fdatasync, again.
double raw_rate(const std::string& directory, std::size_t writers, Seconds limit) {
    const std::string path = directory + "/raw";
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) die("cannot create " + path);
    std::vector<char> bytes(writers * kRecord, 'x');
    const auto start = std::chrono::steady_clock::now();
    std::uint64_t records = 0;
    Seconds spent{0};
    for (; spent < limit; spent = std::chrono::steady_clock::now() - start, records += writers)
        if (::write(fd, bytes.data(), bytes.size()) < 0 || ::fdatasync(fd) < 0) die("cannot write " + path);
    ::close(fd);
    ::unlink(path.c_str());
    return static_cast<double>(records) / spent.count();
}

struct Bench {
    Bench(boost::asio::io_context& context, std::string dir)
        : env(context, env::LogLevel::warning), directory(std::move(dir)), budget(env.lot(), 256 << 20) {}

    env::RealEnv env;
    std::string directory;
    MemoryBudget budget;
    std::unique_ptr<Disk> disk;
    std::unique_ptr<Logger> logger;
    std::int64_t seq = 0;
};

env::task<void> keep_writing(Bench& bench, std::uint64_t seed, Duration until) {
    AlignedBuffer buffer(kWrite);
    auto data = buffer.first(kWrite);
    std::uint64_t random = seed * 0x9e3779b97f4a7c15 + 1;
    for (std::size_t i = 0; i < kWrite; ++i) data[i] = static_cast<std::byte>((i * seed) ^ (i >> 5));
    while (bench.env.clock().steady() < until) {
        random = random * 6364136223846793005 + 1442695040888963407;
        data[(random >> 40) % kWrite] ^= std::byte{1};
        auto written = co_await bench.logger->write((random >> 20) % (kDiskBytes / kWrite) * kWrite, data, false);
        if (!written) die(written.error().text);
    }
}

env::task<void> start_logger(Bench& bench) {
    const format::LogName name{++bench.seq, "bench"};
    auto log = co_await LogFile::create(bench.env, bench.directory, name);
    if (!log) die(log.error().text);
    LoggerOptions options;
    options.resource = "bench";
    options.stamp = [&bench] { return bench.env.clock().now(); };
    options.kinds = [] { return static_cast<format::KindMask>(MARS_LOG_ALL_SUMS); };
    bench.logger = std::make_unique<Logger>(bench.env, *bench.disk, bench.budget, *std::move(log), std::move(options));
}

env::task<void> open_disk(Bench& bench) {
    auto opened = co_await Disk::open(bench.env, bench.directory + "/disk");
    if (!opened) die(opened.error().text);
    bench.disk = *std::move(opened);
}

void print_row(std::size_t writers, Seconds spent, double raw, const WriteCounters& c, Duration user, Duration system) {
    const auto records = c.commit.records;
    const double rate = static_cast<double>(c.writes) / spent.count();
    std::printf("%7zu %9.0f %10.0f %6.2f %8.1f %7.2f %7.2f %7.2f %7.2f %7.2f %9.2f\n", writers, rate,
                static_cast<double>(writers) / rate * 1e6, rate / raw,
                static_cast<double>(records) / static_cast<double>(c.commit.commits), micros(user, records),
                micros(system, records), micros(c.encode_time, records), micros(c.commit.append_time, records),
                micros(c.commit.sync_time, records),
                micros(c.writeback.write_time + c.writeback.sync_time, c.writeback.bytes / kWrite));
}

env::task<void> measure(Bench& bench, std::size_t writers, Seconds limit, double raw) {
    co_await start_logger(bench);
    const Duration start = bench.env.clock().steady();
    const Duration user = cpu_time(true), system = cpu_time(false);
    env::TaskGroup group(bench.env);
    for (std::size_t i = 1; i <= writers; ++i)
        group.spawn("writer", keep_writing(bench, i, start + std::chrono::duration_cast<Duration>(limit)));
    co_await group.join();
    const Seconds spent = bench.env.clock().steady() - start;
    const auto counters = bench.logger->counters();
    print_row(writers, spent, raw, counters, cpu_time(true) - user, cpu_time(false) - system);
    auto stopped = co_await bench.logger->stop();
    if (!stopped) die(stopped.error().text);
    bench.logger.reset();
}

env::task<void> run_all(Bench& bench, std::vector<std::size_t> counts, Seconds limit) {
    co_await open_disk(bench);
    if (!bench.env.io_note().empty()) std::printf("no io_uring: %s\n", bench.env.io_note().c_str());
    std::printf("writers  writes/s latency_us  ratio rec/comm    user     sys  encode  append    sync writeback\n");
    for (std::size_t writers : counts)
        co_await measure(bench, writers, limit, raw_rate(bench.directory, writers, limit / 4));
    bench.disk.reset();
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 2) die("usage: bench_write_path DIRECTORY [SECONDS [WRITERS...]]");
    const std::string directory = std::string(argv[1]) + "/bench-write-path";
    const Seconds limit(argc > 2 ? std::atof(argv[2]) : 4.0);
    std::vector<std::size_t> counts;
    for (int i = 3; i < argc; ++i) counts.push_back(static_cast<std::size_t>(std::atoi(argv[i])));
    if (counts.empty()) counts = {1, 4, 16, 64, 256};

    std::filesystem::create_directories(directory);
    {
        const int fd = ::open((directory + "/disk").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0 || ::ftruncate(fd, kDiskBytes) != 0) die("cannot create the disk in " + directory);
        ::close(fd);
    }
    boost::asio::io_context context(1);
    {
        Bench bench(context, directory);
        env::TaskGroup group(bench.env);
        group.spawn("bench", run_all(bench, counts, limit));
        context.run();
    }
    std::filesystem::remove_all(directory);
    return 0;
}
