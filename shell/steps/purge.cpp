// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/steps/purge.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "kernel/format/version_link.hpp"
#include "shell/command/hosts.hpp"
#include "shell/command/log_links.hpp"

namespace mars::shell {

namespace {

using format::LogName;

// One version link: its key, the log that it is about, and the log before.
struct Link {
    std::string name;
    std::string host;
    LogName log;
    std::optional<LogName> before;
};

std::vector<Link> read_links(const tree::View& view, std::string_view resource) {
    std::vector<Link> links;
    for (auto& key : versions_of(view, resource)) {
        auto value = view.value(tree::resource_key(resource, key.name));
        auto here = format::head_position(format::version_head(value));
        auto before = format::head_position(format::version_prev(value));
        if (!here) continue;
        links.push_back({std::move(key.name), std::move(key.id.host), std::move(here->log),
                         before ? std::optional(std::move(before->log)) : std::nullopt});
    }
    return links;
}

enum class Direction { backwards, forwards };

// All logs that can be reached from `start` in one direction.
std::set<LogName> reach(const std::vector<Link>& links, const std::set<LogName>& start, Direction direction) {
    std::set<LogName> reached = start;
    bool grows = true;
    while (grows) {
        grows = false;
        for (const auto& link : links) {
            if (!link.before) continue;
            const auto& from = direction == Direction::backwards ? link.log : *link.before;
            const auto& to = direction == Direction::backwards ? *link.before : link.log;
            if (reached.contains(from)) grows = reached.insert(to).second || grows;
        }
    }
    return reached;
}

std::map<std::string, LogName> replay_logs(const tree::View& view, std::string_view resource) {
    std::map<std::string, LogName> logs;
    for (const auto& host : members_of(view, resource))
        if (auto replay = replay_of(view, resource, host)) logs.emplace(host, replay->log);
    return logs;
}

} // namespace

PurgePlan plan_purge(const tree::View& view, std::string_view resource, std::string_view me, bool foreign) {
    PurgePlan plan;
    const auto replays = replay_logs(view, resource);
    if (replays.empty()) return plan;
    const auto members = members_of(view, resource);
    std::set<LogName> start;
    for (const auto& [host, log] : replays) start.insert(log);
    const auto links = read_links(view, resource);
    auto needed = reach(links, start, Direction::backwards);
    needed.merge(reach(links, start, Direction::forwards));
    auto is_mine = [&](std::string_view host) { return foreign || host == me; };

    std::set<LogName> kept = start;
    for (const auto& link : links) {
        bool is_member = std::find(members.begin(), members.end(), link.host) != members.end();
        bool is_needed = needed.contains(link.log) && (is_member || link.log.host == link.host);
        if (!is_needed && is_mine(link.host))
            plan.versions.push_back(link.name);
        else
            kept.insert(link.log);
    }
    std::set<LogName> present;
    for (auto& log : logs_of(view, resource)) {
        present.insert(log.id);
        if (!kept.contains(log.id) && is_mine(log.id.host)) plan.logs.push_back(std::move(log.name));
    }
    for (const auto& log : kept)
        if (!present.contains(log)) plan.absent.push_back(log.text());
    return plan;
}

env::task<result<void>> purge_logs(VerbContext& ctx, bool foreign) {
    constexpr int kAttempts = 3;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
        const auto before = replay_logs(ctx.view(), ctx.resource());
        auto plan = plan_purge(ctx.view(), ctx.resource(), ctx.me(), foreign);
        if (replay_logs(ctx.view(), ctx.resource()) != before) {
            co_await ctx.env().clock().sleep(std::chrono::seconds(1)); // let whoever moves it finish
            continue;
        }
        for (const auto& name : plan.versions) ctx.remove(ctx.key(name));
        for (const auto& name : plan.logs) ctx.remove(ctx.key(name));
        if (!plan.versions.empty() || !plan.logs.empty())
            ctx.out().info(ctx.label("purging " + std::to_string(plan.versions.size()) + " version links and " +
                                     std::to_string(plan.logs.size()) + " logs"));
        for (const auto& name : plan.absent) ctx.detail(1, "the log " + name + " is referred to, but not here");
        co_return co_await ctx.commit();
    }
    co_return refusal("logs.race", "the replay links keep moving to other logs; try again in a minute");
}

void purge_errors(VerbContext& ctx) {
    for (const auto& directory : {"actual-" + ctx.me(), ctx.key("actual-" + ctx.me())})
        for (const auto& name : ctx.view().list(directory))
            if (name.starts_with("msg-err-")) ctx.remove(directory + "/" + name);
}

} // namespace mars::shell
