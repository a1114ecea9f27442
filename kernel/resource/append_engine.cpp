// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/resource/append_engine.hpp"

namespace mars::resource {

AppendEngine::AppendEngine(Host& host, std::string resource, LogStore& logs, Signal& signal)
    : host_(host), resource_(std::move(resource)), logs_(logs), signal_(signal), tasks_(host.env) {}

env::task<result<void>> AppendEngine::start(block::Device& disk, LogName log) {
    block::WritePathSetup setup;
    setup.disk = &disk;
    setup.resource = resource_;
    setup.directory = logs_.directory();
    setup.log = std::move(log);
    setup.stamp = [this] { return host_.tree.lamport().tick(); };
    setup.kinds = host_.log_kinds;
    MARS_CO_TRY(path_, co_await host_.write_paths->start(std::move(setup)));
    report_logs();
    tasks_.spawn("write path news " + resource_, follow_path());
    co_return result<void>();
}

// Tells the log store, and thereby waiting peers, what has become durable. A log that was rotated out may still have
// records on their way: only when they are durable, too, it is complete.
void AppendEngine::report_logs() {
    const auto open = path_->open_logs();
    std::set<LogName> growing;
    for (auto& progress : open)
        if (progress.durable < progress.end || progress.log == open.back().log) growing.insert(progress.log);
    for (auto& progress : open) logs_.log_grew(progress.log, progress.durable);
    logs_.set_growing(std::move(growing));
}

env::task<void> AppendEngine::follow_path() {
    bool had_failed = false;
    while (true) {
        co_await path_->changed().wait();
        report_logs();
        const bool has_failed = path_->failed().has_value();
        if (has_failed == had_failed) continue;
        had_failed = has_failed;
        if (has_failed) host_.env.log().error("resource " + resource_ + ": " + path_->failed()->text);
        signal_.set();
    }
}

env::task<void> AppendEngine::follow_device() {
    while (true) {
        co_await export_->changed().wait();
        signal_.set();
    }
}

// TL-L1
bool AppendEngine::may_rotate() const {
    return path_->open_logs().size() == 1;
}

env::task<result<void>> AppendEngine::rotate(LogName next) {
    MARS_CO_TRY_VOID(co_await path_->rotate(std::move(next)));
    report_logs();
    co_return result<void>();
}

env::task<result<void>> AppendEngine::create_device(std::string name) {
    MARS_CO_TRY(export_, co_await host_.exports.create(name, *path_));
    tasks_.spawn("device news " + resource_, follow_device());
    co_return result<void>();
}

env::task<bool> AppendEngine::close_device() {
    if (export_->open_count() > 0) co_return false;
    auto closed = co_await export_->try_close();
    if (!closed && path_->is_log_failed()) {
        host_.env.log().warning("resource " + resource_ + ": device is given up: " + closed.error().text);
        co_await export_->abort();
        closed = true;
    }
    if (!closed) {
        host_.env.log().warning("resource " + resource_ + ": device: " + closed.error().text);
        co_return false;
    }
    if (!*closed) co_return false; // somebody was quicker
    co_await tasks_.stop();
    export_.reset();
    tasks_.spawn("write path news " + resource_, follow_path());
    co_return true;
}

env::task<std::string> AppendEngine::look_after_device() {
    if (!export_) co_return std::string();
    auto done = co_await export_->look_after();
    const bool is_in_the_way =
        !done && (done.error().is(std::errc::file_exists) || done.error().is(std::errc::device_or_resource_busy));
    if (is_in_the_way) co_return done.error().text;
    if (!done) {
        host_.env.log().error("resource " + resource_ + ": device: " + done.error().text + "; it is made anew");
        co_await export_->abort();
        co_await tasks_.stop();
        export_.reset();
        tasks_.spawn("write path news " + resource_, follow_path());
    } else if (!done->empty()) {
        host_.env.log().warning("resource " + resource_ + ": device: " + *done);
    }
    co_return std::string();
}

env::task<bool> AppendEngine::stop() {
    co_await tasks_.stop();
    auto stopped = co_await path_->stop();
    if (!stopped) host_.env.log().error("resource " + resource_ + ": " + stopped.error().text);
    report_logs();
    logs_.set_growing({});
    is_stopped_ = true;
    co_return stopped.has_value();
}

void AppendEngine::forget() {
    path_.reset();
    finished_.clear();
    is_stopped_ = false;
}

// The heartbeat and the controller's loop may both be in here: after each wait, everything is looked at anew.
env::task<result<void>> AppendEngine::publish(Positions& positions) {
    for (auto& progress : path_->take_finished()) finished_.push_back(std::move(progress));
    while (!finished_.empty()) {
        const auto progress = finished_.front();
        MARS_CO_TRY_VOID(
            co_await positions.publish(progress.replay_link(), static_cast<std::int64_t>(progress.durable)));
        if (!finished_.empty() && finished_.front() == progress) finished_.pop_front();
    }
    if (!path_) co_return result<void>();
    const auto progress = path_->progress();
    co_return co_await positions.publish(progress.replay_link(), static_cast<std::int64_t>(progress.durable));
}

int AppendEngine::open_count() const {
    return export_ ? export_->open_count() : 0;
}

std::optional<block::WriteCounters> AppendEngine::counters() const {
    return path_ ? std::optional(path_->counters()) : std::nullopt;
}

std::optional<LogName> AppendEngine::log() const {
    return path_ ? std::optional(path_->open_logs().back().log) : std::nullopt;
}

std::string AppendEngine::device_state() const {
    return export_ ? export_->state() : "";
}

} // namespace mars::resource
