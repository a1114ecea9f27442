// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/steps/housekeeping.hpp"

#include <algorithm>
#include <map>

#include "kernel/format/version_link.hpp"
#include "shell/command/hosts.hpp"
#include "shell/command/log_links.hpp"

namespace mars::shell {

using namespace std::chrono_literals;

namespace {

constexpr Duration kYoung = 120s; // logs and links younger than this may still be on their way to somebody
constexpr std::int64_t kLogSizeUnit = 1'000'000'000;

void note(VerbContext& ctx, bool quiet, std::string_view text) {
    if (!quiet) ctx.out().info(ctx.label(text));
}

std::vector<NumberedKey> own_logs(const VerbContext& ctx) {
    auto logs = logs_of(ctx.view(), ctx.resource());
    std::erase_if(logs, [&](const auto& log) { return log.id.host != ctx.me(); });
    return logs;
}

std::int64_t size_of(const VerbContext& ctx, const NumberedKey& log) {
    auto file = ctx.view().file(ctx.key(log.name));
    return file ? static_cast<std::int64_t>(file->size) : 0;
}

// Why there is no need for another log; empty when there is.
std::string why_not_rotate(const VerbContext& ctx, const std::vector<NumberedKey>& logs) {
    if (logs.empty()) return "there is no log of this host";
    const auto& last = logs.back();
    const auto size = size_of(ctx, last);
    if (size == 0) return "the last log " + last.name + " is empty";
    const auto& options = ctx.options();
    if (static_cast<std::int64_t>(logs.size()) - 1 >= options.thresh_logfiles &&
        size < options.thresh_logsize * kLogSizeUnit)
        return "there are " + std::to_string(logs.size()) + " logs, and the last one is smaller than --thresh-logsize";
    auto file = ctx.view().file(ctx.key(last.name));
    bool is_old = file && ctx.age(file->mtime) > kYoung;
    if (is_old && !ctx.is_forced() && !version_of(ctx.view(), ctx.resource(), last.id.seq, ctx.me()))
        return "the last log " + last.name + " has no version link yet";
    return {};
}

} // namespace

result<void> rotate_log(VerbContext& ctx, bool quiet) {
    const auto& me = ctx.me();
    bool is_primary = ctx.view().flag(ctx.actual(me, "is-primary")) || ctx.view().flag(ctx.actual(me, "if-on"));
    if (!is_primary && !ctx.is_forced()) {
        if (!quiet)
            ctx.out().warning(ctx.label("host " + me + " is not primary, only the primary's log can be rotated"));
        return {};
    }
    auto logs = own_logs(ctx);
    if (auto why = why_not_rotate(ctx, logs); !why.empty()) {
        note(ctx, quiet, "not rotating: " + why);
        return {};
    }
    const auto n = logs.back().id.seq;
    auto next = format::LogName{n + 1, me}.text();
    ctx.make_empty_file(ctx.key(next));
    if (ctx.view().number(ctx.key("maxnr")).value_or(0) <= n) ctx.set(ctx.key("maxnr"), std::to_string(n + 1));
    ctx.tell_when_written("rotating to " + next);
    return {};
}

result<std::int64_t> deletion_limit(const VerbContext& ctx) {
    // Positions before logs: a position that moves on meanwhile only makes the answer more careful.
    std::optional<std::int64_t> lowest;
    for (const auto& host : members_of(ctx.view(), ctx.resource())) {
        auto replay = replay_of(ctx.view(), ctx.resource(), host);
        if (!replay)
            return refusal("replay.link",
                           "the position of host " + host + " is not known (" + ctx.key("replay-" + host) + " is " +
                               ctx.view().value(ctx.key("replay-" + host), "missing") + "), so no log may be deleted");
        lowest = std::min(lowest.value_or(replay->log.seq), replay->log.seq);
    }
    auto logs = logs_of(ctx.view(), ctx.resource());
    if (logs.empty() || !lowest)
        return refusal("logs.none", "there are no logs in " + ctx.view().absolute(tree::resource_dir(ctx.resource())));
    return std::min(*lowest, logs.back().id.seq);
}

namespace {

// Deletes logs below `limit`; returns the lowest number that stays.
std::int64_t delete_log_files(VerbContext& ctx, std::int64_t limit, bool only_one) {
    auto logs = logs_of(ctx.view(), ctx.resource());
    const auto first = logs.front().id.seq;
    for (std::size_t i = 0; i < logs.size(); ++i) {
        const auto& log = logs[i];
        auto file = ctx.view().file(ctx.key(log.name));
        bool is_young = file && ctx.age(file->mtime) < kYoung && !ctx.is_forced();
        bool is_last = i + 1 == logs.size();
        if (log.id.seq >= limit || is_young || is_last || (only_one && log.id.seq > first)) return log.id.seq;
        ctx.remove(ctx.key(log.name));
        ctx.tell_when_written("deleting " + log.name);
    }
    return limit;
}

// One version link more than logs must survive, so links below `kept` − 1 go.
void delete_version_links(VerbContext& ctx, std::int64_t kept) {
    std::map<std::int64_t, std::vector<std::string>> by_number;
    for (auto& version : versions_of(ctx.view(), ctx.resource()))
        if (version.id.seq < kept - 1) by_number[version.id.seq].push_back(std::move(version.name));
    for (const auto& [number, names] : by_number) {
        for (const auto& name : names) {
            auto link = ctx.view().get(ctx.key(name));
            if (link && ctx.age(link->stamp) < kYoung && !ctx.is_forced()) return;
        }
        for (const auto& name : names) ctx.remove(ctx.key(name));
    }
}

} // namespace

result<void> delete_logs(VerbContext& ctx, bool only_one) {
    MARS_TRY(auto limit, deletion_limit(ctx));
    auto logs = logs_of(ctx.view(), ctx.resource());
    ctx.detail(1, std::to_string(logs.size()) + " logs from " + logs.front().name + " to " + logs.back().name +
                      ", deletable are numbers below " + std::to_string(limit));
    delete_version_links(ctx, delete_log_files(ctx, limit, only_one));
    return {};
}

Stamp marker_limit(const VerbContext& ctx, const std::vector<std::string>& peers) {
    const Stamp now = ctx.env().clock().now();
    if (ctx.is_forced()) return now + -ctx.options().window;
    Stamp seen = now;
    for (const auto& peer : peers) {
        if (peer == ctx.me()) continue;
        auto time = Stamp::parse(ctx.view().value("actual-" + peer + "/time"));
        seen = std::min(seen, time.value_or(Stamp{}));
    }
    const Stamp oldest = now + -std::chrono::hours(ctx.options().keep_backup_hours);
    return std::max(seen, oldest) + -ctx.options().window;
}

void purge_markers(VerbContext& ctx, const std::string& directory, Stamp limit) {
    auto& storage = ctx.env().storage();
    auto names = storage.list(ctx.view().absolute(directory));
    if (!names) return;
    for (const auto& entry : *names) {
        if (entry.kind != env::FileKind::symlink || entry.name.starts_with('.')) continue;
        auto path = directory.empty() ? entry.name : directory + "/" + entry.name;
        auto link = ctx.view().raw(path);
        if (link && link->value == tree::kDeleted && link->stamp < limit) ctx.unlink(path);
    }
}

void purge_temporaries(VerbContext& ctx, const std::string& directory) {
    auto& storage = ctx.env().storage();
    auto names = storage.list(ctx.view().absolute(directory));
    if (!names) return;
    for (const auto& entry : *names) {
        if (!entry.name.starts_with(".tmp.")) continue;
        auto path = directory.empty() ? entry.name : directory + "/" + entry.name;
        auto status = storage.status(ctx.view().absolute(path));
        if (status && ctx.age(status->mtime) > ctx.options().stuck) ctx.unlink(path);
    }
}

} // namespace mars::shell
