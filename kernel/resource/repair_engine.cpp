// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/resource/repair_engine.hpp"

namespace mars::resource {

namespace {
constexpr Duration kRepairRetry =
    std::chrono::seconds(20); // members come back, or fetch more; meanwhile fetch has its turn
} // namespace

void RepairEngine::start(LogName log, std::int64_t from, std::vector<FetchWish::Source> sources, std::string uuid) {
    is_running_ = true;
    tasks_.spawn("repair of " + resource_, run(std::move(log), from, std::move(sources), std::move(uuid)));
}

env::task<void> RepairEngine::stop() {
    co_await tasks_.stop();
    is_running_ = has_ended_ = false;
}

Duration RepairEngine::wait() const {
    return failed_at_ ? kRepairRetry - (env_.clock().steady() - *failed_at_) : Duration{};
}

void RepairEngine::forget() {
    failed_at_.reset();
    trouble_.clear();
    asked_.clear();
    has_ended_ = false;
}

env::task<void> RepairEngine::run(LogName log, std::int64_t from, std::vector<FetchWish::Source> sources,
                                  std::string uuid) {
    std::string trouble;
    bool is_mended = false;
    for (auto& source : sources) {
        block::RepairPlan plan;
        plan.peer = env::Endpoint{source.address, port_};
        plan.peer_host = source.host;
        plan.uuid = uuid;
        plan.resource = resource_;
        plan.directory = logs_.directory();
        plan.log = log;
        plan.from = static_cast<std::uint64_t>(from);
        const auto ended = co_await block::repair_log(env_, std::move(plan));
        if (ended && ended->replaced > 0)
            env_.log().warning("resource " + resource_ + ": " + std::to_string(ended->replaced) +
                               " bytes of damaged records in " + log.text() + " have been replaced by those of " +
                               source.host + "; next: look at the disk below /mars here (dmesg, smartctl)");
        if (ended) asked_.insert(source.host);
        is_mended = ended && ended->is_whole;
        if (is_mended) break;
        trouble += (trouble.empty() ? "" : "; ") + source.host + ": " + (ended ? ended->text : ended.error().text);
    }
    if (!is_mended) {
        failed_at_ = env_.clock().steady();
        if (trouble != trouble_)
            env_.log().error("resource " + resource_ + ": nobody can replace what is damaged in " + log.text() + ": " +
                             trouble);
    }
    trouble_ = std::move(trouble);
    is_running_ = false;
    has_ended_ = true;
    signal_.set();
}

} // namespace mars::resource
