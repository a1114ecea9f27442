// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/resource/questions.hpp"

#include "kernel/tree/question.hpp"

namespace mars::resource {

namespace {
constexpr Duration kRetry = std::chrono::seconds(1); // while /mars takes nothing
} // namespace

Questions::Questions(env::Env& env, tree::Tree& tree)
    : env_(env), tree_(tree), me_(env.hostname()), quiet_(env), asked_(env), tasks_(env) {}

void Questions::start(std::function<env::task<void>()> tell) {
    tell_ = std::move(tell);
    auto look = [this](const std::string& path) {
        if (!path.ends_with(tree::kAsk)) return;
        if (path == tree::ask_key(me_))
            asked_here_ = env_.clock().steady();
        else
            asked_.set();
    };
    subscription_ = tree_.subscribe("actual-", look);
    asked_.set();
    tasks_.spawn("answers", answer_all());
}

env::task<void> Questions::stop() {
    co_await tasks_.stop();
}

result<Stamp> Questions::ask() {
    MARS_TRY_VOID(tree_.touch(tree::ask_key(me_), "1"));
    const auto asked = tree_.get(tree::ask_key(me_));
    return asked ? asked->stamp : tree_.lamport().now();
}

bool Questions::has_answered(const std::string& host, Stamp since) const {
    return tree::has_answered(tree_, host, me_, since);
}

bool Questions::is_asked_here(Duration within) const {
    return asked_here_ >= Duration(0) && env_.clock().steady() - asked_here_ < within;
}

// Questions that arrive while others are being answered are answered together in the next turn.
env::task<void> Questions::answer_all() {
    constexpr Duration kLook = std::chrono::seconds(60);
    while (true) {
        co_await asked_.wait(kLook);
        std::map<std::string, Stamp> now;
        for (const auto& host : tree_.suffixes("ips", "ip-")) {
            if (host == me_) continue;
            const auto question = tree_.get(tree::ask_key(host));
            if (question && !(question->stamp <= answered_[host])) now[host] = question->stamp;
        }
        if (now.empty()) continue;
        co_await tell_();
        const auto durable = co_await tree_.sync();
        if (!durable) { // nobody may rely on it; the asking host names this one as silent
            quiet_.warning("sync", "questions of other hosts are not answered: " + durable.error().text);
            co_await try_again();
            continue;
        }
        bool is_all_told = true;
        for (const auto& [host, stamp] : now) {
            const auto told = tree_.touch(tree::answer_key(me_, host), stamp.text());
            if (told) answered_[host] = stamp;
            is_all_told = is_all_told && told;
        }
        if (!is_all_told) co_await try_again(); // a full /mars
    }
}

env::task<void> Questions::try_again() {
    co_await env_.clock().sleep(kRetry);
    asked_.set();
}

} // namespace mars::resource
