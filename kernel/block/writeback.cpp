// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/block/writeback.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace mars::block {

namespace {

constexpr Duration kRetryMin = std::chrono::seconds(1);
constexpr Duration kRetryMax = std::chrono::seconds(8);
constexpr std::size_t kForgetAtOnce = 1024; // pieces; about 0.1 ms

} // namespace

Writeback::Writeback(env::Env& env, Device& disk, WriteBuffer& buffer, MemoryBudget& budget, LogWriter& log_writer,
                     WritebackOptions options)
    : env_(env), disk_(disk), buffer_(buffer), budget_(budget), log_writer_(log_writer), options_(std::move(options)),
      wake_(env.lot()) {
    budget_.add_listener(wake_);
}

Writeback::~Writeback() {
    budget_.remove_listener(wake_);
}

env::task<void> Writeback::run() {
    while (co_await wait_until_due()) {
        auto layer = buffer_.begin_writeback();
        on_progress();
        auto written = co_await write_layer(*layer);
        for (Duration pause = kRetryMin; !written; pause = std::min(pause * 2, kRetryMax)) {
            failed_ = written.error().with("writeback");
            on_progress();
            const bool goes_on = co_await pause_unless_draining(pause);
            if (!goes_on) co_return;
            written = co_await write_layer(*layer); // as a whole: what a failed flush has lost is in it, too
        }
        if (failed_) env_.log().info("writeback goes on, the disk works again");
        failed_.reset();
        ++counters_.rounds;
        counters_.bytes += layer->index.bytes();
        buffer_.end_writeback();
        on_progress();
        co_await forget(layer->index);
    }
}

// A full or broken store may come back: space is added, a path returns. False when there is no time to wait for that.
env::task<bool> Writeback::pause_unless_draining(Duration pause) {
    for (const auto until = env_.clock().steady() + pause; !draining_;) {
        const auto left = until - env_.clock().steady();
        if (left <= Duration(0)) co_return true;
        (void)co_await env::wait_for(env_, wake_, left);
    }
    co_return false;
}

// Nobody looks at a layer that has been written back. Others get their turns while it goes.
env::task<void> Writeback::forget(ExtentMap& index) {
    for (index.drop_first(kForgetAtOnce); !index.empty(); index.drop_first(kForgetAtOnce))
        co_await env::asio::post(env_.get_executor(), env::asio::use_awaitable);
}

void Writeback::wake() {
    const auto& layer = buffer_.oldest_layer();
    if (is_idle_ || (layer && is_due(*layer))) wake_.notify();
}

void Writeback::drain() {
    draining_ = true;
    wake_.notify();
}

bool Writeback::is_due(const Layer& layer) const {
    return draining_ || layer.index.bytes() >= options_.start_bytes || budget_.is_pressed() || is_urgent(*layer.log) ||
           env_.clock().steady() - layer.since >= options_.max_age;
}

// False when everything has been written back and nothing more will come.
env::task<bool> Writeback::wait_until_due() {
    for (;;) {
        const auto layer = buffer_.oldest_layer();
        if (!layer) {
            if (draining_) co_return false;
            is_idle_ = true;
            co_await wake_.wait();
            is_idle_ = false;
            continue;
        }
        if (is_due(*layer)) co_return true;
        const Duration left = layer->since + options_.max_age - env_.clock().steady();
        (void)co_await env::wait_for(env_, wake_, left); // either way the loop looks again
    }
}

env::task<result<void>> Writeback::write_layer(const Layer& layer) {
    ExtentWriterOptions requests = options_.requests;
    requests.pace = [this] { return give_way(); };
    ExtentWriter writer(env_, disk_, std::move(requests));
    const Duration start = env_.clock().steady();
    MARS_CO_TRY_VOID(co_await writer.write(layer.index));
    const Duration written = env_.clock().steady();
    MARS_CO_TRY_VOID(co_await disk_.flush());
    counters_.write_time += written - start;
    counters_.sync_time += env_.clock().steady() - written;
    co_return result<void>();
}

env::task<void> Writeback::give_way() {
    if (draining_ || budget_.is_pressed() || !log_writer_.is_committing()) co_return;
    (void)co_await env::wait_for(env_, log_writer_.committed(), options_.give_way); // a pause, no condition
}

} // namespace mars::block
