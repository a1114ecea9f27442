// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/block/logger_rig.hpp"

namespace mars::test {

using namespace mars::env;
using namespace mars::block;

namespace {

task<void> start_task(LoggerRig& rig, std::int64_t seq, LoggerOptions options) {
    const format::LogName name{seq, "alpha"};
    auto log = co_await LogFile::create(*rig.env, kDirectory, name);
    REQUIRE(log);
    rig.logger = std::make_unique<Logger>(*rig.env, *rig.disk, *rig.budget, *std::move(log), std::move(options));
}

task<void> disk_task(LoggerRig& rig) {
    auto opened = co_await Disk::open(*rig.env, kDisk);
    REQUIRE(opened);
    rig.disk = *std::move(opened);
}

task<void> stop_task(LoggerRig& rig, result<void>& outcome) {
    outcome = co_await rig.logger->stop();
}

task<void> replay_task(LoggerRig& rig, std::int64_t seq, std::uint64_t start, ReplayResult& outcome) {
    Replayer replayer(*rig.env, *rig.disk, ReplayOptions());
    const auto size = rig.env->storage().status(log_path(seq))->size;
    outcome = co_await replayer.run(log_path(seq), start, size);
}

} // namespace

std::string log_path(std::int64_t seq) {
    const format::LogName name{seq, "alpha"};
    return std::string(kDirectory) + "/" + name.text();
}

LoggerRig::LoggerRig(std::uint64_t seed, std::uint64_t disk_bytes) : Rig(seed) {
    machine.filesystem().add_disk(kDisk, disk_bytes);
    REQUIRE(env->storage().make_directory(kDirectory));
}

LoggerRig::~LoggerRig() {
    drop();
}

void LoggerRig::drop() {
    if (process && !process->is_dead()) process->kill();
    logger.reset();
    budget.reset();
    disk.reset();
    halt();
}

LoggerOptions LoggerRig::options() const {
    LoggerOptions made;
    made.resource = "r";
    made.stamp = [clock = &env->clock()] { return clock->now(); };
    made.kinds = [] { return static_cast<format::KindMask>(MARS_LOG_ALL_SUMS); };
    return made;
}

void LoggerRig::open_disk() {
    disk.reset();
    run(disk_task(*this));
    budget = std::make_unique<MemoryBudget>(env->lot(), memory_limit);
}

void LoggerRig::start(std::int64_t seq) {
    start(seq, options());
}

void LoggerRig::start(std::int64_t seq, LoggerOptions with) {
    if (!disk) open_disk();
    run(start_task(*this, seq, std::move(with)));
}

result<void> LoggerRig::stop() {
    result<void> outcome;
    run(stop_task(*this, outcome));
    return outcome;
}

void LoggerRig::crash(bool power) {
    if (power) machine.power_cut();
    drop();
    boot();
}

ReplayResult LoggerRig::replay(std::int64_t seq, std::uint64_t start) {
    ReplayResult outcome;
    run(replay_task(*this, seq, start, outcome));
    return outcome;
}

task<void> LoggerRig::rotate(std::int64_t seq, result<void>& outcome) {
    const format::LogName name{seq, "alpha"};
    auto log = co_await LogFile::create(*env, kDirectory, name);
    if (!log) {
        outcome = log.error();
        co_return;
    }
    outcome = co_await logger->switch_to(*std::move(log));
}

std::vector<LoggedWrite> parse_log(const std::vector<std::byte>& bytes, format::ScanResult* stop) {
    std::vector<LoggedWrite> records;
    format::LogScanner scanner(0, bytes.size());
    for (;;) {
        auto step = scanner.next();
        if (step.kind == format::ScanKind::need_window) {
            scanner.feed(std::span(bytes).subspan(scanner.position()));
            continue;
        }
        if (step.kind != format::ScanKind::record) {
            if (stop) *stop = step;
            return records;
        }
        LoggedWrite record;
        record.pos = static_cast<std::uint64_t>(step.record->pos);
        record.payload.assign(step.record->payload.begin(), step.record->payload.end());
        record.end = step.record->end;
        records.push_back(std::move(record));
    }
}

void apply_records(const std::vector<LoggedWrite>& records, std::vector<std::byte>& disk) {
    for (const auto& record : records)
        std::copy(record.payload.begin(), record.payload.end(), disk.begin() + static_cast<long>(record.pos));
}

} // namespace mars::test
