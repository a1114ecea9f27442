// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/steps/membership.hpp"

#include "kernel/format/version_link.hpp"
#include "shell/command/log_links.hpp"
#include "shell/command/split_report.hpp"
#include "shell/command/wait.hpp"

namespace mars::shell {

void queue_member_directories(VerbContext& ctx) {
    const auto& me = ctx.me();
    ctx.make_directory("userspace");
    for (auto directory : {std::string("userspace"), std::string("defaults"), "defaults-" + me, "local-" + me,
                           "actual-" + me, "todo-" + me})
        ctx.make_directory(ctx.key(directory));
    ctx.set(ctx.actual(me, "if-on"), "0");
    ctx.set(ctx.todo(me, "attach"), "0");
    ctx.set(ctx.todo(me, "connect"), "1");
    ctx.set(ctx.todo(me, "sync"), "1");
    ctx.set(ctx.todo(me, "allow-replay"), "1");
}

env::task<result<format::LogName>> current_log_of(VerbContext& ctx, std::string primary) {
    constexpr int kAttempts = 6;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
        if (auto replay = replay_of(ctx.view(), ctx.resource(), primary)) co_return replay->log;
        std::vector<std::string> peers{primary};
        MARS_CO_TRY(auto alive, co_await wait_cluster(ctx, std::move(peers)));
        if (alive == 0) break;
    }
    co_return refusal("replay.link", "the position of the primary " + primary + " is not known (" +
                                         ctx.key("replay-" + primary) + " is " +
                                         ctx.view().value(ctx.key("replay-" + primary), "missing") +
                                         "); is marsd running there?");
}

namespace {

env::task<result<std::optional<std::string>>> await_version(VerbContext& ctx, std::string primary, std::int64_t seq) {
    constexpr int kAttempts = 4;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
        if (auto value = version_of(ctx.view(), ctx.resource(), seq, primary)) co_return value;
        std::vector<std::string> peers{primary};
        MARS_CO_TRY(auto alive, co_await wait_cluster(ctx, std::move(peers)));
        if (alive == 0) break;
    }
    co_return std::optional<std::string>();
}

} // namespace

env::task<result<void>> queue_position(VerbContext& ctx, std::string primary, format::LogName log) {
    const auto me = ctx.me();
    const auto seq = log.seq;
    MARS_CO_TRY(auto newest, co_await await_version(ctx, primary, seq));
    if (!newest)
        co_return refusal("replay.link", "the version link " + ctx.key(format::version_key(seq, primary)) +
                                             " of the primary has not arrived; try again when marsd runs there");
    auto older = seq > 0 ? version_of(ctx.view(), ctx.resource(), seq - 1, primary) : std::nullopt;
    format::ReplayLink start;
    start.log = log;
    ctx.set(ctx.key("replay-" + me), start.text());
    ctx.set(ctx.key(format::version_key(seq, me)), *newest);
    if (older) ctx.set(ctx.key(format::version_key(seq - 1, me)), *older);
    ctx.set(ctx.key("skip-check-" + me), std::to_string(seq));
    ctx.out().info(ctx.label("starting at " + start.text() +
                             (older ? " with 2 version links" : " with 1 version link") + " of " + primary));
    co_return result<void>();
}

bool report_split_brain(VerbContext& ctx) {
    auto split = find_split_brain(ctx.view(), ctx.resource());
    if (!split.found()) return false;
    const auto lines = split_report(ctx.view(), ctx.resource());
    for (const auto& line : lines) ctx.out().warning(ctx.label(line));
    if (!lines.empty()) return true;
    ctx.out().warning(ctx.label("SPLIT BRAIN: " + split.text()));
    ctx.out().hint(ctx.label("decide which version shall survive, make that host primary, then marsadm invalidate " +
                             ctx.resource() + " on the others; logs that nobody needs any more are removed by " +
                             "marsadm log-purge-all " + ctx.resource()));
    return true;
}

} // namespace mars::shell
