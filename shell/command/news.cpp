// SPDX-License-Identifier: GPL-2.0-or-later
// News on demand: the other members are asked, and their answers waited for. Spec: verbs 2.5 W-CLUSTER.
#include <algorithm>

#include "kernel/tree/heard.hpp"
#include "kernel/tree/question.hpp"
#include "shell/command/hosts.hpp"
#include "shell/command/wait.hpp"

namespace mars::shell {

using namespace std::chrono_literals;

namespace {

// What is known is what a dry run tells of; fresh news are welcome, but not waited for.
constexpr Duration kDryPatience = 3s;

enum class Hearing { unknown, alive, dead };

// Spec: verbs 2.5 W-CLUSTER, with answers instead of heartbeats. `elapsed`: since the question.
Hearing hear(const VerbContext& ctx, const std::string& peer, Stamp asked, Duration elapsed) {
    if (has_answered(ctx, peer, asked)) return Hearing::alive;
    const auto half = ctx.options().window / 2;
    if (time_left(ctx) == Duration::zero()) return Hearing::dead;
    // An answer may take as long as its way, also when --timeout=0 says to look once.
    if (elapsed > std::max<Duration>(1s, std::min(half, ctx.options().timeout.value_or(half)))) return Hearing::dead;
    const auto heard = tree::heard_at(ctx.view(), peer, ctx.env().clock().now());
    if (heard) return ctx.age(*heard) > half + elapsed ? Hearing::dead : Hearing::unknown;
    const auto member_since = ctx.view().get("ips/ip-" + peer);
    const bool is_new = member_since && ctx.age(member_since->stamp) < half;
    return is_new ? Hearing::unknown : Hearing::dead;
}

// `tell`: what is said of one.
std::string few_names(const std::vector<std::string>& names,
                      const std::function<std::string(const std::string&)>& tell) {
    if (names.size() >= 10) return std::to_string(names.size()) + " hosts";
    std::string text;
    for (const auto& name : names) text += (text.empty() ? "" : ", ") + tell(name);
    return text;
}

std::string few_names(const std::vector<std::string>& names) {
    return few_names(names, [](const std::string& name) { return name; });
}

struct Roll {
    std::vector<std::string> alive;
    std::vector<std::string> dead;
    std::vector<std::string> unknown;
};

Roll call_roll(const VerbContext& ctx, const std::vector<std::string>& peers, const News& news, Stamp asked,
               Duration elapsed) {
    Roll roll;
    for (const auto& peer : peers) {
        auto heard = hear(ctx, peer, asked, elapsed);
        if (heard == Hearing::unknown && elapsed > news.patience && !news.decides(peer)) heard = Hearing::dead;
        auto& list = heard == Hearing::alive ? roll.alive : heard == Hearing::dead ? roll.dead : roll.unknown;
        list.push_back(peer);
    }
    return roll;
}

} // namespace

env::task<result<Stamp>> ask_for_news(VerbContext& ctx) {
    auto& view = ctx.view();
    const auto key = tree::ask_key(ctx.self());
    (void)view.raw("actual-" + ctx.self() + "/time"); // what is written must be newer than marsd's clock
    (void)view.raw(key);
    MARS_CO_TRY(auto lock, co_await ctx.local().lock(view.root()));
    const Stamp asked = view.lamport().tick();
    std::vector<tree::DiskView::Change> question{{key, "1", asked}};
    MARS_CO_TRY_VOID(co_await view.commit(std::move(question)));
    co_return asked;
}

bool has_answered(const VerbContext& ctx, const std::string& host, Stamp asked) {
    return tree::has_answered(ctx.view(), host, ctx.self(), asked);
}

bool News::decides(const std::string& host) const {
    return !deciding || std::find(deciding->begin(), deciding->end(), host) != deciding->end();
}

env::task<result<std::size_t>> wait_cluster(VerbContext& ctx, std::vector<std::string> peers,
                                            std::function<bool()> enough) {
    News news;
    news.enough = std::move(enough);
    co_return co_await wait_for_news(ctx, std::move(peers), std::move(news));
}

std::string news_text(const VerbContext& ctx, const std::vector<std::string>& peers) {
    const auto now = ctx.env().clock().now();
    return few_names(peers, [&](const std::string& peer) {
        const auto heard = tree::heard_at(ctx.view(), peer, now);
        if (!heard) return peer + " (never heard of)";
        return peer + " (last heard of " + seconds_text(std::max(Duration::zero(), ctx.age(*heard))) + " ago)";
    });
}

env::task<result<std::size_t>> wait_for_news(VerbContext& ctx, std::vector<std::string> peers, News news) {
    MARS_CO_TRY_VOID(co_await ctx.commit());
    std::erase(peers, ctx.me());
    std::erase(peers, ctx.self());
    if (peers.empty()) co_return std::size_t{0};
    if (!ctx.is_marsd_running()) {
        const auto text = "marsd does not run on this host, so nothing can be heard of " + few_names(peers) +
                          "; start it: systemctl start marsd";
        if (news.is_strict) co_return refusal("wait.cluster", text);
        ctx.out().warning(ctx.label(text));
        co_return std::size_t{0};
    }
    Condition condition;
    for (const auto& peer : peers) condition.directories.push_back("actual-" + peer);
    condition.directories.emplace_back("");
    // The watch begins before the question, so that no answer is missed.
    MARS_CO_TRY_VOID(co_await ctx.view().wait_for_change(condition.directories, Duration::zero()));
    MARS_CO_TRY(const auto asked, co_await ask_for_news(ctx));
    ctx.detail(1, "waiting for " + few_names(peers));
    Deadline deadline(ctx, ctx.is_dry_run() ? std::optional(kDryPatience) : std::nullopt);
    const auto roll_now = [&] { return call_roll(ctx, peers, news, asked, deadline.elapsed()); };
    condition.holds = [&] { return (news.enough && news.enough()) || roll_now().unknown.empty(); };
    condition.description = [&] { return "no news yet from " + few_names(roll_now().unknown); };
    condition.recheck = 1s; // deadness is a matter of ages
    condition.is_independent = true;
    MARS_CO_TRY_VOID(co_await wait_until(ctx, condition, deadline));
    auto roll = roll_now();
    if (ctx.is_dry_run() && !roll.unknown.empty()) ctx.would("wait for news from " + news_text(ctx, roll.unknown));
    if (!roll.dead.empty() && !news.is_quiet) {
        auto text = "nothing is heard of " + few_names(roll.dead) + " (" + std::to_string(roll.alive.size()) + "/" +
                    std::to_string(peers.size()) + " alive)";
        if (news.is_strict) co_return refusal("wait.cluster", text + "; is marsd running there?");
        ctx.out().warning(ctx.label(text));
    }
    co_return roll.alive.size();
}

} // namespace mars::shell
