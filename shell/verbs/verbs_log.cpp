// SPDX-License-Identifier: GPL-2.0-or-later
// Logs and housekeeping. Spec: verbs 4.23 … 4.25, 4.30 … 4.32. Tests: tests/unit/shell/housekeeping_test.cpp.
#include "shell/command/checks.hpp"
#include "shell/command/hosts.hpp"
#include "shell/command/wait.hpp"
#include "shell/steps/housekeeping.hpp"
#include "shell/steps/purge.hpp"
#include "shell/systemd/unit_writer.hpp"
#include "shell/verbs/verb_table.hpp"

namespace mars::shell {

namespace {

env::task<result<Step>> log_rotate(VerbContext& ctx) {
    MARS_CO_TRY_VOID(rotate_log(ctx, false));
    co_return Step::done;
}

template<bool only_one>
env::task<result<Step>> log_delete(VerbContext& ctx) {
    if (!has_storage(ctx.view(), ctx.resource(), ctx.me()) && !ctx.is_forced())
        co_return refusal("res.notmember", "host " + ctx.me() + " is a guest, only members delete logs");
    MARS_CO_TRY_VOID(delete_logs(ctx, only_one));
    co_return Step::done;
}

env::task<result<Step>> log_purge(VerbContext& ctx) {
    if (ctx.is_forced()) ctx.out().warning(ctx.label("version links and logs of all hosts are examined"));
    MARS_CO_TRY_VOID(co_await purge_logs(ctx, ctx.is_forced()));
    co_return Step::done;
}

env::task<result<Step>> err_purge(VerbContext& ctx) {
    purge_errors(ctx);
    co_return Step::done;
}

// Markers and temporaries outside of resources.
env::task<result<Step>> link_purge_global(VerbContext& ctx) {
    const auto limit = marker_limit(ctx, sharing_hosts(ctx.view()));
    const Stamp oldest = ctx.env().clock().now() + -std::chrono::hours(ctx.options().keep_backup_hours);
    purge_markers(ctx, "", limit);
    purge_temporaries(ctx, "");
    if (auto* units = ctx.surroundings().systemd; units && !ctx.is_dry_run())
        systemd::remove_leftovers(ctx.env().storage(), units->settings(), ctx.env().clock().now(), ctx.options().stuck);
    for (const auto& name : ctx.view().list("")) {
        if (name.starts_with("resource-")) continue;
        purge_markers(ctx, name, name == "ips" ? oldest : limit);
        purge_temporaries(ctx, name);
    }
    co_return Step::done;
}

void link_purge_one(VerbContext& ctx) {
    const auto limit = marker_limit(ctx, hosts_of(ctx.view(), ctx.resource()));
    const auto directory = tree::resource_dir(ctx.resource());
    purge_markers(ctx, directory, limit);
    purge_temporaries(ctx, directory);
    for (const auto& name : ctx.view().list(directory)) {
        purge_markers(ctx, directory + "/" + name, limit);
        purge_temporaries(ctx, directory + "/" + name);
    }
}

env::task<result<Step>> link_purge(VerbContext& ctx) {
    link_purge_one(ctx);
    co_return Step::done;
}

env::task<result<Step>> cron_rotate(VerbContext& ctx) {
    link_purge_one(ctx);
    MARS_CO_TRY_VOID(rotate_log(ctx, true));
    co_return Step::done;
}

env::task<result<Step>> cron_delete(VerbContext& ctx) {
    if (!has_storage(ctx.view(), ctx.resource(), ctx.me())) co_return Step::done;
    if (auto deleted = delete_logs(ctx, false); !deleted) ctx.detail(1, deleted.error().text);
    co_return Step::done;
}

Verb row(std::string_view name, std::vector<std::string_view> aliases, Level level, unsigned flags, PhaseFunction run,
         std::string_view summary, std::string_view doc, std::vector<std::string_view> errors) {
    return {.name = name,
            .aliases = std::move(aliases),
            .family = Family::log,
            .level = level,
            .resource = ResourceArgument::list,
            .arguments = {},
            .options = {"force", "verbose"},
            .flags = flags,
            .phases = {{.number = 1, .title = "", .run = run}},
            .summary = summary,
            .doc = doc,
            .errors = std::move(errors)};
}

} // namespace

const std::vector<Verb>& log_verbs() {
    static const std::vector<Verb> verbs = {
        {.name = "cron",
         .aliases = {},
         .family = Family::log,
         .resource = ResourceArgument::optional,
         .arguments = {},
         .options = {"thresh-logfiles", "thresh-logsize", "keep-backup-hours", "stuck-seconds", "force"},
         .flags = kWrites | kClusterWide,
         .phases = {{.number = 1,
                     .title = "purge markers",
                     .run = link_purge_global,
                     .global = true,
                     .name = "purge-cluster"},
                    {.number = 2, .title = "rotate logs", .run = cron_rotate, .name = "rotate"},
                    {.number = 3, .title = "delete logs", .run = cron_delete, .name = "delete"}},
         .summary = "Does the housekeeping: rotates and deletes logs, removes old deletion markers.",
         .doc = "To be run every ten minutes on every host. May run at the same time as anything else. What cannot be "
                "done "
                "now is left for the next time.",
         .errors = {}},
        row("log-rotate", {}, kNormal, kWrites, log_rotate, "Starts a new transaction log on the primary.",
            "Nothing is done when this host is not primary, when the last log is empty, or when there are many logs "
            "and the "
            "last one is small (--thresh-logfiles, --thresh-logsize). Part of cron.",
            {}),
        row("log-delete-all", {"log-delete", "log-delete-all-replayed"}, kNormal, kWrites | kClusterWide,
            log_delete<false>, "Deletes the logs that every member has applied.",
            "In ascending order, up to the first log that a member still needs, also one that is offline or paused, or "
            "that "
            "is younger than two minutes. --force ignores the age. Part of cron.",
            {"res.notmember", "replay.link", "logs.none"}),
        row("log-delete-one", {}, kExpert, kWrites | kClusterWide, log_delete<true>,
            "Deletes the lowest numbered log if every member has applied it.", "Otherwise like log-delete-all.",
            {"res.notmember", "replay.link", "logs.none"}),
        row("log-purge-all", {}, kExpert, kWrites | kDestroys | kNoMemberCheck, log_purge,
            "Deletes this host's version links and logs that no replica leads to.",
            "Cleans up after a split brain or a left resource. With --force also those of other hosts.", {"logs.race"}),
        row("err-purge-all", {}, kExpert, kWrites, err_purge, "Deletes this host's error messages.",
            "What is still wrong appears again.", {}),
        {.name = "link-purge-all",
         .aliases = {},
         .family = Family::log,
         .level = kExpert,
         .resource = ResourceArgument::list,
         .arguments = {},
         .options = {"keep-backup-hours", "stuck-seconds", "window", "force"},
         .flags = kWrites,
         .phases = {{.number = 1,
                     .title = "purge markers of the cluster",
                     .run = link_purge_global,
                     .global = true,
                     .name = "purge-cluster"},
                    {.number = 2, .title = "purge markers of resources", .run = link_purge, .name = "purge-resource"}},
         .summary = "Removes deletion markers that all peers have seen.",
         .doc = "Locally and for good. A marker goes when every peer has been heard of after it was made, or after "
                "--keep-backup-hours. --force does not ask the peers. Part of cron.",
         .errors = {}},
    };
    return verbs;
}

} // namespace mars::shell
