// SPDX-License-Identifier: GPL-2.0-or-later
// Logger: what is acknowledged is in the log, what is read is the newest, and failures stop everything in time.
#include "kernel/block/logger.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "tests/unit/block/logger_rig.hpp"

using namespace mars;
using namespace mars::env;
using namespace mars::test;
using namespace mars::block;

namespace {

constexpr std::uint64_t kDiskBytes = 1 << 20;

// Writes and reads only its own sectors; always reads what it wrote last.
task<void> work(LoggerRig& rig, const std::vector<int>& owner, int self, std::vector<std::byte>& model, int rounds) {
    for (int round = 0; round < rounds; ++round) {
        std::uint64_t first = rig.random().below(owner.size());
        if (owner[first] != self) continue;
        std::uint64_t last = first;
        while (last < owner.size() && owner[last] == self && rig.random().chance(95)) ++last;
        if (last == first) continue;
        const std::uint64_t offset = first * 512;
        auto data = random_bytes(rig.random(), (last - first) * 512);
        if (rig.random().chance(60)) {
            auto written = co_await rig.logger->write(offset, data, false);
            REQUIRE(written);
            std::copy(data.begin(), data.end(), model.begin() + static_cast<long>(offset));
        } else {
            auto read = co_await rig.logger->read(offset, data);
            REQUIRE(read);
            REQUIRE(std::equal(data.begin(), data.end(), model.begin() + static_cast<long>(offset)));
        }
        if (rig.random().chance(20)) co_await rig.env->clock().sleep(Duration(rig.random().below(20'000'000)));
    }
}

std::vector<int> random_owners(LoggerRig& rig, int workers) {
    std::vector<int> owner;
    while (owner.size() < kDiskBytes / 512) {
        const auto run = 1 + rig.random().below(60);
        const auto who = static_cast<int>(rig.random().below(static_cast<std::uint64_t>(workers)));
        for (std::uint64_t i = 0; i < run && owner.size() < kDiskBytes / 512; ++i) owner.push_back(who);
    }
    return owner;
}

task<void> write_one(LoggerRig& rig, std::uint64_t offset, std::vector<std::byte> data,
                     std::optional<result<void>>& outcome) {
    auto written = co_await rig.logger->write(offset, data, false);
    outcome.emplace(written);
}

// One write from begin to end.
result<void> write_now(LoggerRig& rig, std::uint64_t offset, const std::vector<std::byte>& data) {
    std::optional<result<void>> outcome;
    rig.run(write_one(rig, offset, data, outcome));
    return *outcome;
}

LoggerOptions lazy(const LoggerRig& rig) {
    auto options = rig.options();
    options.writeback.max_age = 1h;
    options.writeback.start_bytes = ~std::uint64_t(0);
    return options;
}

// Many writes at once; outcomes stay empty while one is under way.
struct Crowd {
    Crowd(LoggerRig& r, std::size_t count, std::size_t bytes = 4096) : rig(r), outcomes(count), group(*r.env) {
        for (std::size_t i = 0; i < count; ++i) {
            data.push_back(random_bytes(rig.random(), bytes));
            group.spawn("writer", write_one(rig, i * bytes, data.back(), outcomes[i]));
        }
    }
    bool wait() {
        return rig.world.run_until([&] { return group.live() == 0; }, 1h);
    }
    std::size_t succeeded() const {
        return static_cast<std::size_t>(
            std::count_if(outcomes.begin(), outcomes.end(), [](const auto& o) { return o && o->has_value(); }));
    }
    std::size_t failed() const {
        return static_cast<std::size_t>(
            std::count_if(outcomes.begin(), outcomes.end(), [](const auto& o) { return o && !o->has_value(); }));
    }

    LoggerRig& rig;
    std::vector<std::vector<std::byte>> data;
    std::vector<std::optional<result<void>>> outcomes;
    TaskGroup group;
};

} // namespace

TEST_CASE("reads show the newest data, and a stopped logger leaves all of it on the disk") {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        INFO("seed " << seed);
        LoggerRig rig(seed, kDiskBytes);
        rig.memory_limit = seed % 3 == 0 ? 96 << 10 : 64 << 20;
        auto options = rig.options();
        options.writeback.start_bytes = seed % 2 ? 16 << 10 : 16 << 20;
        options.writeback.max_age = 5ms;
        options.writeback.requests.max_requests = 1 + seed % 4;
        rig.start(1, options);
        const auto owner = random_owners(rig, 8);
        std::vector<std::byte> model(kDiskBytes);
        {
            TaskGroup group(*rig.env);
            for (int w = 0; w < 8; ++w) group.spawn("worker", work(rig, owner, w, model, 100));
            result<void> rotated;
            group.spawn("rotate", rig.rotate(2, rotated));
            REQUIRE(rig.world.run_until([&] { return group.live() == 0; }, 1h));
            REQUIRE(rotated);
        }
        REQUIRE(rig.stop());
        CHECK(rig.disk_content() == model);
        const auto end = rig.logger->progress();
        CHECK(end.log.seq == 2);
        CHECK(end.min == end.end);
        CHECK(end.durable == end.end);
        CHECK(end.dirty == 0);
        CHECK(rig.budget->used() == 0);

        std::vector<std::byte> replayed(kDiskBytes);
        for (int seq : {1, 2}) {
            const auto& log = *rig.machine.filesystem().contents(log_path(seq));
            format::ScanResult stop;
            apply_records(parse_log(log, &stop), replayed);
            CHECK(stop.kind == format::ScanKind::finished);
        }
        CHECK(replayed == model);
    }
}

TEST_CASE("writes that wait together share one commit, and are durable when acknowledged") {
    LoggerRig rig(2, kDiskBytes);
    rig.start(1, lazy(rig));
    Crowd crowd(rig, 100);
    REQUIRE(crowd.wait());
    CHECK(crowd.succeeded() == 100);
    CHECK(rig.logger->counters().commit.commits <= 3);
    CHECK(rig.logger->counters().commit.records == 100);
    CHECK(rig.logger->progress().durable == 100 * 4180);
    CHECK(rig.logger->durable_length(rig.logger->progress().log) == 100 * 4180);
    CHECK(rig.logger->progress().min == 0);
    rig.crash(true);
    const auto records = parse_log(*rig.machine.filesystem().contents(log_path(1)));
    CHECK(records.size() == 100);
}

TEST_CASE("records keep to the rules of writers") {
    LoggerRig rig(2, kDiskBytes);
    rig.start(1, lazy(rig));
    REQUIRE(write_now(rig, 512, random_bytes(rig.random(), 200 * 1024)));
    REQUIRE(write_now(rig, 0, std::vector<std::byte>(8192)));
    const auto records = parse_log(*rig.machine.filesystem().contents(log_path(1)));
    std::uint64_t next = 512;
    for (const auto& record : records) {
        if (record.pos != next) break;
        next += record.payload.size();
        CHECK(record.payload.size() <= 4096);
        CHECK(record.pos / 65536 == (record.pos + record.payload.size() - 1) / 65536);
    }
    CHECK(next == 512 + 200 * 1024);
    CHECK(records.back().pos == 4096);
    CHECK(records.size() == 51 + 2);
}

TEST_CASE("the memory limit is hard, and writers wait for writeback only") {
    LoggerRig rig(5, kDiskBytes);
    rig.memory_limit = 40'000;
    rig.start(1, lazy(rig)); // only pressure starts rounds
    Crowd crowd(rig, 100);
    std::uint64_t most = 0;
    REQUIRE(rig.world.run_until(
        [&] {
            most = std::max(most, rig.budget->used());
            return crowd.group.live() == 0;
        },
        1h));
    CHECK(crowd.succeeded() == 100);
    CHECK(most <= 40'000);
    CHECK(most > 30'000);
    REQUIRE(write_now(rig, 0, random_bytes(rig.random(), 500'000 / 512 * 512))); // larger than the limit
    REQUIRE(rig.stop());
}

TEST_CASE("after an error of the log nothing is acknowledged and nothing more is appended") {
    for (auto operation : {sim::Operation::write, sim::Operation::sync}) {
        for (int errnum : {EIO, ENOSPC}) {
            INFO((operation == sim::Operation::write ? "write " : "sync ") << errnum);
            LoggerRig rig(6, kDiskBytes);
            rig.start(1, lazy(rig));
            const auto before = random_bytes(rig.random(), 4096);
            REQUIRE(write_now(rig, 0, before));
            int attempts = 0;
            rig.machine.filesystem().fault = [&](sim::Operation op, const std::string& path) -> std::optional<int> {
                if (op != operation || path != log_path(1)) return std::nullopt;
                ++attempts;
                return errnum;
            };
            {
                Crowd crowd(rig, 50);
                REQUIRE(crowd.wait());
                CHECK(crowd.failed() == 50);
                CHECK(crowd.outcomes[0]->error().code.value() == errnum);
                CHECK(crowd.outcomes[0]->error().text.find(log_path(1)) != std::string::npos);
            }
            CHECK(attempts == 2); // the second one is of the cut
            rig.machine.filesystem().fault = nullptr;
            auto later = write_now(rig, 0, before);
            CHECK_FALSE(later);
            REQUIRE(rig.logger->failed());
            CHECK(rig.logger->is_log_failed());
            CHECK(rig.logger->progress().durable == 4180);
            auto stopped = rig.stop(); // what is durable in the log still gets to the disk
            CHECK_FALSE(stopped);
            CHECK(rig.logger->progress().min == 4180);
            CHECK(rig.machine.filesystem().contents(log_path(1))->size() == 4180); // nothing that nobody was promised
            CHECK(std::equal(before.begin(), before.end(), rig.disk_content().begin()));
            CHECK(rig.budget->used() == 0);
        }
    }
}

TEST_CASE("what a failed sync has left in the page cache is cut off before anybody hears of the failure") {
    LoggerRig rig(7, kDiskBytes);
    rig.start(1, lazy(rig));
    REQUIRE(write_now(rig, 0, random_bytes(rig.random(), 4096)));
    bool is_first = true;
    rig.machine.filesystem().fault = [&](sim::Operation op, const std::string& path) -> std::optional<int> {
        const bool fails = op == sim::Operation::sync && path == log_path(1) && std::exchange(is_first, false);
        return fails ? std::optional(EIO) : std::nullopt;
    };
    CHECK_FALSE(write_now(rig, 4096, random_bytes(rig.random(), 4096)));
    rig.crash(false); // the next sync of the file would succeed
    CHECK(rig.machine.filesystem().contents(log_path(1))->size() == 4180);
}

TEST_CASE("a full filesystem stops the log, never the data that was acknowledged") {
    LoggerRig rig(8, kDiskBytes);
    rig.machine.filesystem().set_capacity("/mars", 100'000);
    rig.start(1);
    std::size_t acknowledged = 0;
    for (std::uint64_t i = 0; i < 50; ++i)
        if (write_now(rig, i * 4096, random_bytes(rig.random(), 4096))) ++acknowledged;
    CHECK(acknowledged > 10);
    CHECK(acknowledged < 24);
    CHECK(rig.logger->failed()->is(std::errc::no_space_on_device));
    rig.crash(true);
    CHECK(parse_log(*rig.machine.filesystem().contents(log_path(1))).size() >= acknowledged);
}

TEST_CASE("an error of the disk stops the position, not the log; data stays readable") {
    for (auto operation : {sim::Operation::write, sim::Operation::sync}) {
        LoggerRig rig(9, kDiskBytes);
        rig.memory_limit = 200'000;
        auto options = rig.options();
        options.writeback.max_age = 1ms;
        rig.start(1, options);
        rig.machine.filesystem().fault = [&](sim::Operation op, const std::string& path) -> std::optional<int> {
            if (op == operation && path == kDisk) return EIO;
            return std::nullopt;
        };
        const auto data = random_bytes(rig.random(), 4096);
        REQUIRE(write_now(rig, 8192, data));
        REQUIRE(rig.world.run_until([&] { return rig.logger->failed().has_value(); }, 1h));
        CHECK(rig.logger->is_disk_failed());
        CHECK_FALSE(rig.logger->is_log_failed());
        CHECK(rig.logger->progress().min == 0);
        CHECK(rig.logger->progress().dirty == 4180);
        {
            Crowd crowd(rig, 100); // as many as fit the memory succeed, the others must not hang
            REQUIRE(crowd.wait());
            CHECK(crowd.succeeded() > 20);
            CHECK(crowd.failed() > 20);
            std::vector<std::byte> back(4096);
            auto read = [&]() -> task<void> {
                auto done = co_await rig.logger->read(0, back);
                REQUIRE(done);
            };
            rig.run(read());
            CHECK(back == crowd.data[0]);
        }
        {
            block::MemoryBudget::Account neighbour(*rig.budget); // keeps nothing from others
            CHECK(neighbour.try_take(rig.budget->share()));
        }
        CHECK_FALSE(rig.stop());
        CHECK(rig.logger->progress().min == 0);
        CHECK(rig.budget->used() > 0);
        rig.logger.reset();
        CHECK(rig.budget->used() == 0);
    }
}

TEST_CASE("rotation: two logs at most, the lower one is told until it is written back") {
    LoggerRig rig(10, kDiskBytes);
    rig.start(1, lazy(rig));
    REQUIRE(write_now(rig, 0, random_bytes(rig.random(), 4096)));
    TaskGroup group(*rig.env);
    result<void> second, third;
    group.spawn("second", rig.rotate(2, second));
    REQUIRE(rig.world.run_until([&] { return group.live() == 0; }, 1h));
    REQUIRE(second);
    // The round that the rotation has started is under way: both logs are open, the lower is published.
    CHECK(rig.logger->open_logs().size() == 2);
    CHECK(rig.logger->progress().log.seq == 1);
    REQUIRE(rig.world.run_until([&] { return rig.logger->open_logs().size() == 1; }, 1h));
    CHECK(rig.logger->progress().log.seq == 2);
    auto finished = rig.logger->take_finished();
    REQUIRE(finished.size() == 1);
    CHECK(finished[0].log.seq == 1);
    CHECK(finished[0].min == 4180);
    CHECK(finished[0].durable == 4180);
    CHECK(rig.logger->take_finished().empty());

    REQUIRE(write_now(rig, 4096, random_bytes(rig.random(), 4096)));
    format::ScanResult stop;
    CHECK(parse_log(*rig.machine.filesystem().contents(log_path(2)), &stop).size() == 1);
    CHECK(stop.kind == format::ScanKind::finished);

    result<void> same;
    group.spawn("again", rig.rotate(1, same)); // exists, not empty
    REQUIRE(rig.world.run_until([&] { return group.live() == 0; }, 1h));
    CHECK_FALSE(same);
    group.spawn("third", rig.rotate(3, third));
    group.spawn("fourth", rig.rotate(4, second));
    std::size_t most_open = 0;
    REQUIRE(rig.world.run_until(
        [&] {
            most_open = std::max(most_open, rig.logger->open_logs().size());
            return group.live() == 0;
        },
        1h));
    CHECK(third);
    CHECK(second);
    CHECK(most_open == 2);
    REQUIRE(rig.stop());
    CHECK(rig.logger->progress().log.seq == 4);
}

TEST_CASE("a stopping logger refuses new writes and finishes the accepted ones") {
    LoggerRig rig(11, kDiskBytes);
    rig.memory_limit = 30'000;
    rig.start(1, lazy(rig));
    Crowd crowd(rig, 40);
    rig.world.settle();
    REQUIRE(rig.stop());
    rig.world.settle();
    CHECK(crowd.succeeded() == 40);
    auto late = write_now(rig, 0, std::vector<std::byte>(512));
    REQUIRE_FALSE(late);
    CHECK(late.error().is(std::errc::operation_canceled));
    for (std::size_t i = 0; i < 40; ++i)
        CHECK(std::equal(crowd.data[i].begin(), crowd.data[i].end(),
                         rig.disk_content().begin() + static_cast<long>(i * 4096)));
}

TEST_CASE("cancelled writers do no harm to the others") {
    LoggerRig rig(12, kDiskBytes);
    rig.memory_limit = 30'000;
    rig.start(1, lazy(rig));
    Crowd doomed(rig, 20), others(rig, 40);
    rig.world.settle();
    doomed.group.cancel();
    REQUIRE(others.wait());
    CHECK(others.succeeded() == 40);
    REQUIRE(doomed.wait());
    REQUIRE(rig.stop());
    CHECK(rig.budget->used() == 0);
}
