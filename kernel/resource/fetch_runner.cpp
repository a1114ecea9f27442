// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/resource/fetch_runner.hpp"

namespace mars::resource {

namespace {

std::vector<FetchWish::Source> sources_of(const Plan& plan, const tree::View& tree) {
    std::vector<FetchWish::Source> sources;
    for (auto& host : plan.fetch_from) {
        FetchWish::Source source{host, tree.value("ips/ip-" + host)};
        sources.push_back(std::move(source));
    }
    return sources;
}

} // namespace

env::task<bool> FetchRunner::stop(const Plan&) {
    co_await engine_.stop();
    co_return true;
}

env::task<bool> FetchRunner::advance(const Plan& plan, std::shared_ptr<block::Disk>) {
    if (!plan.fetch) co_return false;
    FetchWish wish;
    wish.sources = sources_of(plan, host_.tree);
    wish.uuid = host_.tree.value("uuid");
    wish.log = plan.fetch_log;
    wish.goes_back = plan.fetch_gap;
    const auto replay = view_.replay(host_.me());
    if (replay && replay->log == wish.log) wish.verified = replay->pos;
    const auto here = context_.logs.length(wish.log).value_or(0);
    for (auto& host : plan.fetch_from) {
        const auto told = view_.version(wish.log.seq, host);
        if (!told || told->log != wish.log) continue;
        if (host == plan.fetch_from.front()) wish.is_more_told = told->length > here;
        if (told->length <= here) wish.without_more.insert(host);
    }
    engine_.want(std::move(wish));
    co_return false; // all that follows from it is told by events
}

void FetchRunner::add_facts(Facts& facts) {
    facts.is_fetching = is_running();
    facts.fetch_rate = rate_of(engine_.rate(), is_running());
}

void FetchRunner::add_messages(std::map<std::string, std::string>& messages) const {
    const auto trouble = engine_.trouble();
    if (engine_.has_conflict()) messages.emplace("err-splitbrain-detected", trouble);
    if (is_running() && !trouble.empty()) messages.emplace("inf-fetch", trouble);
    if (!engine_.is_hopeless()) return;
    const auto& log = engine_.log();
    messages.emplace("err-log-not-contiguous",
                     log.text() + " is here up to byte " + std::to_string(context_.logs.length(log).value_or(0)) +
                         " of " + std::to_string(view_.final_length(log).value_or(0)) +
                         ", and no other member has more of it: this replica cannot follow; next: marsadm invalidate " +
                         view_.name() + " on " + host_.me());
}

void RepairRunner::observe(Local& local) {
    local.damaged = health_.damaged();
    local.damaged_from = health_.damaged_from();
    local.may_repair = engine_.is_wanted() && !health_.is_pausing();
}

env::task<bool> RepairRunner::stop(const Plan&) {
    co_await engine_.stop();
    co_return true;
}

env::task<bool> RepairRunner::advance(const Plan& plan, std::shared_ptr<block::Disk>) {
    if (health_.damaged() && !engine_.is_wanted()) context_.round.look_again_in(engine_.wait());
    if (!plan.repair || is_running()) co_return false;
    engine_.start(plan.log, plan.start, sources_of(plan, host_.tree), host_.tree.value("uuid"));
    co_return true;
}

void RepairRunner::add_messages(std::map<std::string, std::string>& messages) const {
    if (health_.damaged() || health_.last_replay().code.code < 0)
        messages.emplace("err-replay-stop", health_.replay_trouble());
}

} // namespace mars::resource
