// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/block/replayer.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <cerrno>

#include "kernel/env/task_group.hpp"

namespace mars::block {

namespace {

ReplayResult incomplete(std::string why) {
    ReplayResult end;
    end.code.code = format::ReplayCode::kIncomplete;
    end.text = std::move(why);
    return end;
}

ReplayResult from_failure(const failure& why) {
    ReplayResult end;
    end.code.code = why.code.value() > 0 ? -why.code.value() : -EIO;
    end.text = why.text;
    return end;
}

ReplayResult from_stop(const format::ScanResult& stop) {
    ReplayResult end;
    end.code = format::ReplayCode::of(stop);
    end.is_torn = end.code.code == format::ReplayCode::kIncomplete;
    if (stop.kind != format::ScanKind::finished) end.text = stop.text();
    return end;
}

} // namespace

// Consecutive records that are applied together.
struct Replayer::Portion {
    explicit Portion(std::uint64_t position) : begin(position), end(position) {}

    ExtentMap extents;
    std::uint64_t begin;
    std::uint64_t end;
    std::size_t records = 0;
    Stamp newest;                     // of its records
    std::optional<ReplayResult> stop; // how the log ends behind this portion
};

Replayer::Replayer(env::Env& env, Device& disk, ReplayOptions options)
    : env_(env), disk_(disk), options_(std::move(options)), changed_(env.lot()) {}

void Replayer::request_stop() {
    stop_requested_ = true;
}

env::task<ReplayResult> Replayer::run(std::string path, std::uint64_t start, std::uint64_t end) {
    namespace this_coro = env::asio::this_coro;
    co_await this_coro::throw_if_cancelled(false); // the run is brought to an orderly end first
    is_running_ = true;
    stop_requested_ = (co_await this_coro::cancellation_state).cancelled() != env::asio::cancellation_type::none;
    position_ = dirty_end_ = start;
    last_report_ = env_.clock().steady();

    ReplayResult outcome;
    bool done = false;
    env::Event ended(env_.lot());
    env::TaskGroup worker(env_);
    auto job = [&]() -> env::task<void> {
        co_await work(path, start, end, outcome);
        done = true;
        ended.notify();
    };
    worker.spawn("replay of " + path, job());
    while (!done) {
        co_await ended.wait();
        if ((co_await this_coro::cancellation_state).cancelled() != env::asio::cancellation_type::none) request_stop();
    }
    co_await worker.join();
    is_running_ = false;
    outcome.position = position_;
    changed_.notify();
    co_await this_coro::throw_if_cancelled(true);
    co_return outcome;
}

env::task<void> Replayer::work(const std::string& path, std::uint64_t start, std::uint64_t end, ReplayResult& out) {
    format::ScanOptions scan;
    scan.accept_unchecked = options_.accept_unchecked;
    scan.device_bytes = disk_.size();
    auto reader = co_await LogReader::open(env_, path, start, end, scan);
    if (!reader) {
        out = from_failure(reader.error());
        co_return;
    }
    Portion ready(start);
    co_await collect(**reader, ready);
    for (;;) {
        if (stop_requested_) {
            out = incomplete("replay of " + path + " was switched off");
            co_return;
        }
        Portion next(ready.end);
        env::TaskGroup ahead(env_);
        if (!ready.stop) ahead.spawn("read ahead in " + path, collect(**reader, next));
        auto applied = co_await apply(ready);
        co_await ahead.join();
        if (!applied) {
            out = from_failure(applied.error());
            co_return;
        }
        if (ready.stop) {
            out = *std::move(ready.stop);
            co_return;
        }
        ready = std::move(next);
    }
}

// Reads and verifies records until the portion is full or the log ends.
env::task<void> Replayer::collect(LogReader& reader, Portion& portion) {
    while (portion.end - portion.begin < options_.portion_bytes && portion.records < options_.portion_records &&
           !stop_requested_) {
        auto step = co_await reader.next();
        if (!step) {
            portion.stop = from_failure(step.error());
            portion.stop->log_is_unreadable = step.error().is(std::errc::io_error);
            co_return;
        }
        if (step->kind != format::ScanKind::record) {
            portion.stop = from_stop(*step);
            co_return;
        }
        const auto& record = *step->record;
        if (record.code == MARS_LOG_CODE_WRITE_NEW)
            portion.extents.insert(static_cast<std::uint64_t>(record.pos), reader.share(record));
        portion.end = record.end;
        portion.newest = std::max(portion.newest, record.stamp);
        ++portion.records;
    }
}

env::task<result<void>> Replayer::apply(Portion& portion) {
    if (portion.end == portion.begin) co_return result<void>();
    dirty_end_ = portion.end;
    if (!portion.extents.empty()) {
        ExtentWriter writer(env_, disk_, options_.requests);
        MARS_CO_TRY_VOID(co_await writer.write(portion.extents));
        MARS_CO_TRY_VOID(co_await disk_.flush());
    }
    position_ = portion.end;
    newest_ = std::max(newest_.value_or(Stamp()), portion.newest);
    counters_.records += portion.records;
    counters_.log_bytes += portion.end - portion.begin;
    counters_.disk_bytes += portion.extents.bytes();
    report();
    co_return result<void>();
}

void Replayer::report() {
    const Duration now = env_.clock().steady();
    if (now - last_report_ < options_.report_interval) return;
    last_report_ = now;
    changed_.notify();
}

} // namespace mars::block
