// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/block/extent_writer.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <cstring>
#include <optional>

#include "kernel/block/aligned_buffer.hpp"
#include "kernel/env/task_group.hpp"

namespace mars::block {

// Neighbouring pieces that make one request.
struct ExtentWriter::Run {
    std::uint64_t offset = 0;
    std::size_t bytes = 0;
    decltype(std::declval<const ExtentMap&>().begin()) first;
    decltype(first) last;
};

struct ExtentWriter::Progress {
    Progress(const ExtentMap& map, env::ParkingLot& lot) : next(map.begin()), end(map.end()), room(lot) {}

    bool is_over() const { return next == end || failed; }

    decltype(Run::first) next;
    decltype(Run::first) end;
    std::size_t flying_bytes = 0;
    env::Event room;
    std::optional<failure> failed;
};

namespace {

std::size_t useful_workers(const ExtentMap& extents, const ExtentWriterOptions& options) {
    return std::clamp<std::size_t>(extents.size(), 1, options.max_requests);
}

} // namespace

// The next request, if it may start now. It waits for room before it is taken, so that requests start in ascending
// order.
std::optional<ExtentWriter::Run> ExtentWriter::take_run(Progress& progress) const {
    Run run;
    run.first = run.last = progress.next;
    run.offset = run.first->first;
    while (run.last != progress.end && run.last->first == run.offset + run.bytes &&
           (run.bytes == 0 || run.bytes + run.last->second.bytes <= options_.max_request_bytes))
        run.bytes += (run.last++)->second.bytes;
    if (progress.flying_bytes > 0 && progress.flying_bytes + run.bytes > options_.max_flying_bytes) return std::nullopt;
    progress.next = run.last;
    progress.flying_bytes += run.bytes;
    return run;
}

env::task<void> ExtentWriter::work(Progress& progress) {
    AlignedBuffer buffer;
    while (!progress.is_over()) {
        if (options_.pace) co_await options_.pace();
        if (progress.is_over()) co_return;
        const auto taken = take_run(progress);
        if (!taken) {
            co_await progress.room.wait();
            continue;
        }
        const Run& run = *taken;
        if (buffer.size() < run.bytes) buffer = AlignedBuffer(run.bytes);
        std::size_t filled = 0;
        for (auto it = run.first; it != run.last; filled += (it++)->second.bytes)
            std::memcpy(buffer.data() + filled, it->second.data.get(), it->second.bytes);
        auto written = co_await device_.write(run.offset, buffer.first(run.bytes), false);
        if (!written && !progress.failed) progress.failed = written.error();
        progress.flying_bytes -= run.bytes;
        progress.room.notify();
    }
}

env::task<result<void>> ExtentWriter::write(const ExtentMap& extents) {
    // The workers use `progress`: a cancelled caller still waits for them. Its next co_await throws then.
    co_await env::asio::this_coro::throw_if_cancelled(false);
    Progress progress(extents, env_.lot());
    env::TaskGroup workers(env_);
    for (std::size_t i = useful_workers(extents, options_); i > 0 && !progress.is_over(); --i)
        workers.spawn("extent writer", work(progress));
    co_await workers.join();
    co_await env::asio::this_coro::throw_if_cancelled(true);
    if (progress.failed) co_return *progress.failed;
    co_return result<void>();
}

} // namespace mars::block
