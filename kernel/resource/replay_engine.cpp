// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/resource/replay_engine.hpp"

namespace mars::resource {

void ReplayEngine::start(block::Device& disk, std::string path, LogName log, std::int64_t start, std::int64_t end) {
    log_ = std::move(log);
    end_ = end;
    is_running_ = true;
    replayer_ = std::make_unique<block::Replayer>(env_, disk, block::ReplayOptions());
    tasks_.spawn("replay", run(std::move(path), start));
    tasks_.spawn("replay news", follow());
}

env::task<void> ReplayEngine::run(std::string path, std::int64_t start) {
    result_ =
        co_await replayer_->run(std::move(path), static_cast<std::uint64_t>(start), static_cast<std::uint64_t>(end_));
    is_running_ = false;
    signal_.set();
}

// Measures the rate; the positions are published by the controller.
env::task<void> ReplayEngine::follow() {
    std::uint64_t counted = 0;
    while (true) {
        co_await replayer_->changed().wait();
        const auto kib = replayer_->counters().log_bytes / 1024;
        rate_.limit(kib - counted, env_.clock().steady());
        counted = kib;
        signal_.set();
    }
}

env::task<void> ReplayEngine::stop() {
    replayer_->request_stop();
    while (is_running_) co_await replayer_->changed().wait();
}

env::task<ReplayOutcome> ReplayEngine::take_outcome() {
    co_await tasks_.stop();
    ReplayOutcome outcome;
    outcome.log = log_;
    outcome.code = result_.code;
    outcome.log_is_unreadable = result_.log_is_unreadable;
    outcome.is_torn = result_.is_torn;
    outcome.position = static_cast<std::int64_t>(result_.position);
    outcome.text = result_.text;
    replayer_.reset();
    co_return outcome;
}

format::ReplayLink ReplayEngine::position() const {
    format::ReplayLink link;
    link.log = log_;
    link.pos = static_cast<std::int64_t>(replayer_->position());
    link.dirty = std::max<std::int64_t>(end() - link.pos, 0);
    return link;
}

// A run that ended early knows the log only up to where it stopped when a defect is there (R7).
std::int64_t ReplayEngine::end() const {
    const bool is_defect = !is_running_ && result_.code.code < 0;
    return is_defect ? static_cast<std::int64_t>(replayer_->position()) : end_;
}

} // namespace mars::resource
