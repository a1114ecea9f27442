// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/resource/sync_engine.hpp"

#include <algorithm>

namespace mars::resource {

namespace {

using namespace std::chrono_literals;

} // namespace

SyncEngine::SyncEngine(Host& host, std::string resource, Signal& signal)
    : host_(host), resource_(std::move(resource)), signal_(signal), tasks_(host.env) {}

void SyncEngine::start(block::Disk& disk, std::string source, std::int64_t start, std::int64_t end) {
    source_ = std::move(source);
    start_ = durable_ = start;
    end_ = end;
    is_complete_ = is_void_ = false;
    blocks_equal_ = blocks_different_ = 0;
    started_at_ = host_.env.clock().steady();
    tasks_.spawn("sync " + resource_, run(disk));
}

env::task<void> SyncEngine::stop() {
    co_await tasks_.stop();
    trouble_.clear();
}

std::string SyncEngine::verify_status() const {
    return std::to_string(blocks_equal_) + "," + std::to_string(blocks_different_);
}

void SyncEngine::copied(std::uint64_t offset) {
    durable_ = static_cast<std::int64_t>(offset);
}

env::task<void> SyncEngine::run(block::Disk& disk) {
    struct Counted {
        explicit Counted(std::size_t& all) : count(all) { ++count; }
        Counted(const Counted&) = delete;
        Counted& operator=(const Counted&) = delete;
        ~Counted() { --count; }
        std::size_t& count;
    } counted(host_.syncs);
    Duration pause = kRetryMin;
    while (true) {
        const auto before = durable_;
        if (co_await sync_once(disk)) break;
        pause = durable_ > before ? kRetryMin : std::min(pause * 2, kRetryMax);
        signal_.set();
        if (disk.is_suspect()) break; // it may have to be opened anew
        co_await host_.env.clock().sleep(pause);
    }
    if (!is_complete_ && disk.is_suspect()) co_await host_.env.clock().sleep(kRetryMax);
    if (is_void_) co_await host_.env.clock().sleep(kRetryMax); // an emergency lasts
    signal_.set();
}

// One connection. True when there is nothing more to do for this run.
env::task<bool> SyncEngine::sync_once(block::Disk& disk) {
    block::SyncPlan plan;
    plan.peer = env::Endpoint{host_.tree.value("ips/ip-" + source_), host_.tunables.sync_port};
    plan.peer_host = source_;
    plan.uuid = host_.tree.value("uuid");
    plan.resource = resource_;
    plan.start = static_cast<std::uint64_t>(durable_);
    plan.end = static_cast<std::uint64_t>(end_);
    block::SyncClient client(host_.env, disk, plan, *this, host_.digests, &rate_);
    auto ended = co_await client.run();
    blocks_equal_ += client.counters().blocks_equal;
    blocks_different_ += client.counters().blocks_different;
    if (!ended) {
        trouble_ = source_ + ": " + ended.error().text;
        co_return false;
    }
    trouble_ = ended->kind == block::SyncEnd::Kind::finished ? "" : source_ + ": " + ended->text;
    is_complete_ = ended->kind == block::SyncEnd::Kind::finished;
    is_void_ = ended->kind == block::SyncEnd::Kind::emergency;
    co_return is_complete_ || is_void_;
}

} // namespace mars::resource
