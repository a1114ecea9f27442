// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/resource/fetch_engine.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>

#include <algorithm>

#include "kernel/resource/signal.hpp"

namespace mars::resource {

namespace {

using namespace std::chrono_literals;
using namespace env::asio::experimental::awaitable_operators;

// A source that is not the preferred one is left after this time, to see whether the preferred one is back; earlier
// when it has had nothing more to give for some seconds.
constexpr Duration kSecondChoiceTurn = 30s;
constexpr Duration kSecondChoiceIdle = 3s;
constexpr Duration kLookAtSource = 30s;

} // namespace

FetchEngine::FetchEngine(env::Env& env, std::string resource, LogStore& logs, env::Event& changed, std::uint16_t port)
    : env_(env), resource_(std::move(resource)), logs_(logs), changed_(changed), port_(port), tasks_(env),
      wish_changed_(env.lot()), wished_(env.lot()) {}

void FetchEngine::want(FetchWish wish) {
    if (wish.sources.empty()) return;
    const bool other_is_preferred = !wish_.sources.empty() && wish.sources.front() != wish_.sources.front();
    const bool source_is_gone = std::none_of(wish.sources.begin(), wish.sources.end(),
                                             [&](const auto& source) { return source.host == current_host_; });
    const bool is_too_far = wish.goes_back && fetcher_ && fetcher_->log().seq > wish.log.seq;
    if (wish.log != wish_.log) without_log_.clear();
    if (wish.is_more_told) ask_for_sign(wish.sources.front().host); // a resting session may be a dead one
    wish_ = std::move(wish);
    wished_.notify();
    if (!is_running())
        tasks_.spawn("fetch " + resource_, run());
    else if (fetcher_ && (source_is_gone || other_is_preferred || is_too_far))
        wish_changed_.notify();
}

void FetchEngine::ask_for_sign(const std::string& host) {
    if (fetcher_ && current_host_ == host) fetcher_->ask_for_sign();
}

std::string FetchEngine::trouble() const {
    const bool is_at_best = is_connected() && !wish_.sources.empty() && current_host_ == wish_.sources.front().host;
    return is_at_best && !has_conflict_ ? "" : trouble_;
}

bool FetchEngine::is_hopeless() const {
    return is_running() && logs_.is_short(wish_.log) && !without_log_.empty() &&
           std::all_of(wish_.sources.begin(), wish_.sources.end(), [&](const auto& source) {
               return without_log_.contains(source.host) || wish_.without_more.contains(source.host);
           });
}

env::task<void> FetchEngine::stop() {
    co_await tasks_.stop();
    fetcher_.reset();
    current_host_.clear();
    trouble_.clear();
}

env::task<void> FetchEngine::run() {
    Duration pause = kRetryMin;
    for (std::size_t turn = 0;; ++turn) {
        const bool got_on = co_await fetch_once(turn % wish_.sources.size());
        if (got_on) turn = wish_.sources.size() - 1; // the next turn is the preferred source's
        pause = got_on ? kRetryMin : std::min(pause * 2, kRetryMax);
        const auto jitter =
            Duration(static_cast<std::int64_t>(env_.random().below(static_cast<std::uint64_t>(pause.count() / 2))));
        co_await env_.clock().sleep(pause + jitter);
    }
}

// One connection to one source. True when it was of use: it lasted, or it ended because the wish has changed.
env::task<bool> FetchEngine::fetch_once(std::size_t index) {
    const auto source = wish_.sources[index];
    block::FetchPlan plan;
    plan.peer = env::Endpoint{source.address, port_};
    plan.peer_host = source.host;
    plan.uuid = wish_.uuid;
    plan.resource = resource_;
    plan.directory = logs_.directory();
    plan.log = wish_.log;
    plan.verified = static_cast<std::uint64_t>(wish_.verified);
    fetcher_ = std::make_unique<block::LogFetcher>(env_, plan, logs_, &rate_);
    current_host_ = source.host;
    changed_.notify();
    env_.log().debug("resource " + resource_ + ": fetch begins from=" + source.host + " log=" + plan.log.text() +
                     " verified=" + std::to_string(plan.verified));
    const auto began = env_.clock().steady();
    bool other_wish = false, is_short = false;
    if (index == 0) {
        auto ended = co_await (fetcher_->run() || wish_changed_.wait() || short_copy_at_source());
        other_wish = ended.index() == 1;
        is_short = ended.index() == 2;
        if (ended.index() == 0) judge(std::get<0>(ended));
        if (is_short) trouble_ = source.host + ": has only a part of " + wish_.log.text();
    } else {
        auto ended = co_await (fetcher_->run() || wish_changed_.wait() || second_choice_turn());
        other_wish = ended.index() == 1;
        if (ended.index() == 0) judge(std::get<0>(ended));
    }
    if (other_wish) trouble_.clear();
    env_.log().debug("resource " + resource_ + ": fetch ends from=" + source.host + " trouble=" + trouble_);
    fetcher_.reset();
    current_host_.clear();
    changed_.notify();
    co_return other_wish || (!is_short && env_.clock().steady() - began > 10s);
}

// The preferred source has a part of the log only, or not the next one, and nothing more to give: others may have it.
env::task<void> FetchEngine::short_copy_at_source() {
    for (auto busy_at = env_.clock().steady();;) {
        const bool may_be_so = fetcher_ && (fetcher_->log().seq < wish_.log.seq || logs_.is_short(fetcher_->log()));
        if (may_be_so)
            co_await env_.clock().sleep(kSecondChoiceIdle / 3);
        else // what it depends on comes with a new wish, but for what is known when the connection is made
            (void)co_await env::wait_for(env_, wished_, is_connected() ? kLookAtSource : kSecondChoiceIdle / 3);
        const auto now = env_.clock().steady();
        const bool has_all = is_connected() && fetcher_->durable_length() >= fetcher_->peer_length();
        const bool is_left_behind = fetcher_ && fetcher_->log().seq < wish_.log.seq;
        if (!has_all || !(is_left_behind || logs_.is_short(fetcher_->log()))) busy_at = now;
        if (now - busy_at >= kSecondChoiceIdle) co_return;
    }
}

env::task<void> FetchEngine::second_choice_turn() {
    const auto began = env_.clock().steady();
    for (auto busy_at = began;;) {
        co_await env_.clock().sleep(kSecondChoiceIdle / 3);
        const auto now = env_.clock().steady();
        const bool has_all = is_connected() && fetcher_->durable_length() >= fetcher_->peer_length();
        if (!has_all) busy_at = now;
        if (now - began >= kSecondChoiceTurn || now - busy_at >= kSecondChoiceIdle) co_return;
    }
}

void FetchEngine::judge(const result<block::FetchEnd>& end) {
    using Kind = block::FetchEnd::Kind;
    // What has been applied here, and what the peer has under the same name, are two histories.
    const bool is_other_history = end && end->kind == Kind::differs && end->logs.front() == wish_.log &&
                                  end->length < static_cast<std::uint64_t>(wish_.verified);
    has_conflict_ = is_other_history || (end && end->kind == Kind::conflict);
    if (end && end->kind == Kind::absent && end->logs.front() == wish_.log)
        without_log_.insert(current_host_);
    else
        without_log_.erase(current_host_);
    trouble_ = current_host_ + ": " + (end ? end->text : end.error().text);
    if (is_other_history)
        trouble_ += "; it has been applied here already, so these are two histories (split brain); next: marsadm "
                    "invalidate " +
                    resource_ + " on the host whose version is to go";
}

} // namespace mars::resource
