// SPDX-License-Identifier: GPL-2.0-or-later
// Waiting as a verb. Spec: verbs 4.7, 4.26, 4.27. Tests: tests/unit/shell/verbs_wait_test.cpp.
#include <algorithm>

#include "kernel/base/names.hpp"
#include "kernel/base/split.hpp"
#include "kernel/tree/handover_state.hpp"
#include "kernel/tree/heard.hpp"
#include "shell/command/checks.hpp"
#include "shell/command/hosts.hpp"
#include "shell/command/startup.hpp"
#include "shell/command/wait.hpp"
#include "shell/macro/macro_session.hpp"
#include "shell/steps/wait_condition.hpp"
#include "shell/verbs/verb_table.hpp"
#include "shell/words/suggest.hpp"

namespace mars::shell {

namespace {

std::string tell(std::size_t alive, std::size_t all) {
    return std::to_string(alive) + "/" + std::to_string(all) + " alive";
}

env::task<result<Step>> wait_for_peers(VerbContext& ctx, std::vector<std::string> peers) {
    std::erase(peers, ctx.me());
    const auto all = peers.size();
    if (ctx.is_dry_run()) {
        const std::string deaf =
            ctx.is_marsd_running() ? "" : "; at present marsd does not run here, so nobody is heard";
        ctx.would(peers.empty() ? "not wait: there is nobody else"
                                : "wait until these have answered, or are dead: " + news_text(ctx, peers) + deaf);
        co_return Step::done;
    }
    std::string names;
    for (const auto& peer : peers) names += " " + peer;
    ctx.out().info(ctx.label("waiting for " +
                             (all < 10 ? std::to_string(all) + " hosts:" + names : std::to_string(all) + " hosts")));
    News news;
    news.is_strict = ctx.options().strict_wait;
    MARS_CO_TRY(auto alive, co_await wait_for_news(ctx, std::move(peers), std::move(news)));
    ctx.out().info(ctx.label(tell(alive, all)));
    co_return Step::done;
}

// WHO: a list of resources, or a host, or everybody.
result<std::vector<std::string>> who(VerbContext& ctx, std::vector<std::string> everybody) {
    const auto& word = ctx.argument(0);
    if (word.empty() || word == "all") return everybody;
    std::vector<std::string> hosts;
    for (const auto& name : all_parts(word, ',')) {
        if (has_resource(ctx.view(), name)) {
            auto members = hosts_of(ctx.view(), name);
            hosts.insert(hosts.end(), members.begin(), members.end());
        } else if (ctx.view().get("ips/ip-" + name)) {
            hosts.push_back(name);
        } else {
            auto known = total_hosts(ctx.view());
            for (auto& resource : all_resources(ctx.view())) known.push_back(std::move(resource));
            return refusal("usage.arg", "'" + name + "' is neither a resource nor a member of the cluster" +
                                            did_you_mean(name, known));
        }
    }
    sort_names(hosts);
    return hosts;
}

env::task<result<Step>> wait_cluster_verb(VerbContext& ctx) {
    MARS_CO_TRY(auto peers, who(ctx, sharing_hosts(ctx.view())));
    co_return co_await wait_for_peers(ctx, std::move(peers));
}

env::task<result<Step>> update_cluster(VerbContext& ctx) {
    MARS_CO_TRY(auto peers, who(ctx, total_hosts(ctx.view())));
    co_return co_await wait_for_peers(ctx, std::move(peers));
}

env::task<result<Step>> wait_connect(VerbContext& ctx) {
    co_return co_await wait_for_peers(ctx, hosts_of(ctx.view(), ctx.resource()));
}

env::task<result<void>> wait_role(VerbContext& ctx, std::string holder, bool on) {
    Condition condition;
    condition.directories = {tree::resource_dir(ctx.resource())};
    condition.holds = [&] { return (ctx.view().value(ctx.key("primary"), tree::kNone) == holder) == on; };
    condition.description = [&] {
        return "the designated primary is " + ctx.view().value(ctx.key("primary"), tree::kNone) + ", expected " +
               (on ? "" : "not ") + holder;
    };
    co_return co_await wait_or_refuse(ctx, condition, "wait.indicator", {});
}

// The word of a disk or replication state, without what is added in brackets; several are separated by blanks.
bool has_word(std::string_view text, std::string_view wanted) {
    while (!text.empty()) {
        const auto word = text.substr(0, text.find_first_of(" \n"));
        text.remove_prefix(std::min(text.size(), word.size() + 1));
        const bool is_old = word == "UpToDate[no"; // "no news of …": nobody knows whether it still is
        if (!is_old && word.substr(0, word.find('[')) == wanted) return true;
    }
    return false;
}

// Where it shows what the members do.
std::vector<std::string> places_of_members(const VerbContext& ctx) {
    std::vector<std::string> places{"", tree::resource_dir(ctx.resource())};
    for (const auto& host : hosts_of(ctx.view(), ctx.resource())) places.push_back(ctx.key("actual-" + host));
    return places;
}

env::task<result<void>> wait_state(VerbContext& ctx, std::string word, bool on) {
    std::string seen;
    Condition condition;
    condition.directories = places_of_members(ctx);
    condition.directories.insert(condition.directories.end(), {ctx.key("todo-" + ctx.me()), "actual-" + ctx.me()});
    condition.recheck = std::chrono::seconds(2); // some states are a matter of ages
    condition.holds = [&] {
        MacroSetup setup(ctx, "wait-resource");
        std::vector<std::string> warnings; // view says them
        setup.outside.keep_warnings(&warnings);
        setup.context.macro_text.clear();
        seen.clear();
        for (const auto* name : {"diskstate", "replstate"}) {
            auto text = macros::view(setup.context, name, ctx.resource());
            if (text && text->ends_with('\n')) text->pop_back();
            seen += (seen.empty() ? "" : " ") + text.value_or("");
        }
        return has_word(seen, word) == on;
    };
    condition.description = [&] {
        return "its state on host " + ctx.me() + " is " + seen + ", expected " + (on ? "" : "not ") + word;
    };
    co_return co_await wait_or_refuse(ctx, condition, "wait.indicator", {});
}

env::task<result<Step>> wait_resource(VerbContext& ctx) {
    MARS_CO_TRY(auto condition, parse_condition(ctx.argument(0), ctx.me()));
    std::string value = condition.on ? "1" : "0";
    switch (condition.kind) {
    case WaitCondition::Kind::indicator:
        MARS_CO_TRY_VOID(co_await wait_indicator(ctx, ctx.me(), condition.name, value));
        break;
    case WaitCondition::Kind::toggle:
        MARS_CO_TRY_VOID(co_await wait_switch(ctx, condition.name, value));
        break;
    case WaitCondition::Kind::role:
        MARS_CO_TRY_VOID(co_await wait_role(ctx, condition.name, condition.on));
        break;
    case WaitCondition::Kind::state:
        MARS_CO_TRY_VOID(co_await wait_state(ctx, condition.name, condition.on));
        break;
    case WaitCondition::Kind::device:
        MARS_CO_TRY_VOID(co_await wait_device(ctx, condition.on));
        break;
    }
    if (!ctx.is_dry_run()) ctx.out().info(ctx.label(ctx.argument(0) + " holds on host " + ctx.me()));
    co_return Step::done;
}

// Why a role may not come by itself; empty: nothing speaks against that.
std::string unfinished_handover(const VerbContext& ctx) {
    const auto now = ctx.env().clock().now();
    const auto is_heard = [&](const std::string& host) {
        const auto heard = tree::heard_at(ctx.view(), host, now);
        return heard && ctx.age(*heard) < ctx.options().window;
    };
    const auto handover = tree::find_handover(ctx.view(), ctx.resource(), is_heard);
    return handover.kind == tree::Handover::Kind::unfinished ? sentence_of(handover, ctx.resource(), now) : "";
}

bool is_about_role(const WaitCondition& condition) {
    return condition.kind == WaitCondition::Kind::role || condition.kind == WaitCondition::Kind::device ||
           condition.name == "is-primary";
}

// Who waits for a role learns why it does not come, at the beginning and at the end.
env::task<result<Step>> wait_resource_and_explain(VerbContext& ctx) {
    const auto condition = parse_condition(ctx.argument(0), ctx.me());
    const bool explains = condition && is_about_role(*condition);
    const auto begun = explains ? unfinished_handover(ctx) : std::string();
    if (!begun.empty()) ctx.out().warning(ctx.label(begun));
    auto waited = co_await wait_resource(ctx);
    if (waited) co_return waited;
    const auto still = explains ? unfinished_handover(ctx) : std::string();
    auto failed = waited.error();
    if (!still.empty()) failed.text += "; " + still;
    co_return failed;
}

struct Users {
    std::string open;   // "host A (open-count 2)"
    std::string silent; // hosts that nothing recent is known of
};

Users find_users(const VerbContext& ctx) {
    Users users;
    for (const auto& host : hosts_of(ctx.view(), ctx.resource())) {
        auto link = ctx.view().get(ctx.actual(host, "open-count"));
        if (!link || !is_recent(ctx, confirmed(ctx, host, *link))) {
            users.silent += (users.silent.empty() ? "" : ", ") + host;
            continue;
        }
        if (ctx.view().number(ctx.actual(host, "open-count")).value_or(0) == 0) continue;
        users.open += (users.open.empty() ? "" : ", ") + ("host " + host + " (open-count " + link->value + ")");
    }
    return users;
}

env::task<result<Step>> wait_umount(VerbContext& ctx) {
    Condition condition;
    condition.directories = places_of_members(ctx);
    const bool strict = ctx.options().strict_wait;
    condition.holds = [&] {
        auto users = find_users(ctx);
        return users.open.empty() && (users.silent.empty() || !strict);
    };
    condition.description = [&] {
        auto users = find_users(ctx);
        return users.open.empty() ? "nothing recent is known of " + users.silent
                                  : "the device is in use on " + users.open;
    };
    MARS_CO_TRY_VOID(co_await wait_or_refuse(ctx, condition, "wait.indicator", "umount it there"));
    auto users = find_users(ctx);
    if (!users.silent.empty()) ctx.out().warning(ctx.label("nothing recent is known of " + users.silent));
    if (!ctx.is_dry_run()) ctx.out().info(ctx.label("the device is not in use"));
    co_return Step::done;
}

constexpr std::string_view kWaitDoc = "Afterwards everything that they had written when this began is visible here. A "
                                      "peer that is dead costs no time, one "
                                      "that stops answering at most half of --window; both are reported, and are no "
                                      "failure unless --strict-wait is given. --dry-run says what is known of each "
                                      "now, and does not wait.";

Argument who_argument() {
    return {"WHO", ArgumentType::who, false, false, "resources (their members) or one host; else everybody"};
}

// Waits for news: of the members of a resource, or of WHO is named.
Verb row(std::string_view name, std::vector<Argument> arguments, PhaseFunction run, std::string_view summary) {
    const bool is_of_resource = arguments.empty();
    std::vector<std::string_view> errors{"wait.cluster"};
    if (!is_of_resource) errors.insert(errors.begin(), "usage.arg");
    return {.name = name,
            .aliases = {},
            .family = Family::wait,
            .resource = is_of_resource ? ResourceArgument::list : ResourceArgument::none,
            .arguments = std::move(arguments),
            .options = {"window", "strict-wait"},
            .flags = kReads,
            .phases = {{.number = 1, .title = "", .run = run}},
            .summary = summary,
            .doc = kWaitDoc,
            .errors = std::move(errors)};
}

} // namespace

const std::vector<Verb>& wait_verbs() {
    static const std::vector<Verb> verbs = {
        row("wait-cluster", {who_argument()}, wait_cluster_verb, "Waits until news from all peers have arrived."),
        row("update-cluster", {who_argument()}, update_cluster,
            "Like wait-cluster, but for all hosts of the cluster, also those without a common resource."),
        row("wait-connect", {}, wait_connect, "Waits until news from all members of the resource have arrived."),
        {.name = "wait-resource",
         .aliases = {},
         .family = Family::wait,
         .resource = ResourceArgument::list,
         .arguments = {{"CONDITION", ArgumentType::condition, true, false,
                        "what to wait for, e.g. UpToDate or is-attach-on"}},
         .options = {"timeout", "host"},
         .flags = kReads,
         .phases = {{.number = 1, .title = "", .run = wait_resource_and_explain}},
         .summary = "Waits until a condition holds on this host.",
         .doc =
             "CONDITION is [is-|has-|todo-]NAME[-on|-1|-off|-0]. With is- or has- what is: attach, fetch, replay, "
             "sync, "
             "primary, secondary, emergency. Without or with todo- what shall be: the switches of the same names, and "
             "the designated role. device: /dev/mars/NAME is there. Or a word of the disk or replication state as view "
             "prints it: UpToDate, Replaying, Replicating, Syncing, ...; an unknown one lists all.",
         .errors = {"usage.condition", "wait.indicator", "wait.device"}},
        {.name = "wait-umount",
         .aliases = {},
         .family = Family::wait,
         .resource = ResourceArgument::list,
         .arguments = {},
         .options = {"timeout", "strict-wait"},
         .flags = kReads,
         .phases = {{.number = 1, .title = "", .run = wait_umount}},
         .summary = "Waits until the device is in use on no member any more.",
         .doc =
             "Names who still uses it. Members that nothing recent is known of are reported, and waited for only with "
             "--strict-wait.",
         .errors = {"wait.indicator"}},
    };
    return verbs;
}

} // namespace mars::shell
