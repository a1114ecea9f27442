// SPDX-License-Identifier: GPL-2.0-or-later
// The tables are complete and consistent: names, docs, options, reasons, and everything of the specification is known.
#include <catch2/catch.hpp>

#include <algorithm>
#include <set>

#include "shell/command/options.hpp"
#include "shell/terminal/help.hpp"
#include "shell/verbs/verb_table.hpp"
#include "shell/words/reason.hpp"

using namespace mars::shell;

namespace {

bool is_reason(std::string_view name) {
    return std::any_of(kReasons.begin(), kReasons.end(), [&](const ReasonRow& row) { return row.name == name; });
}

} // namespace

TEST_CASE("every verb name and alias is unique and findable") {
    std::set<std::string_view> seen;
    for (const auto* verb : all_verbs()) {
        CHECK(seen.insert(verb->name).second);
        CHECK(built_in_verbs().find_built_in(verb->name) == verb);
        for (auto alias : verb->aliases) {
            INFO(alias);
            CHECK(seen.insert(alias).second);
            CHECK(built_in_verbs().find_built_in(alias) == verb);
        }
    }
}

TEST_CASE("every built verb is documented and can be run") {
    for (const auto* verb : all_verbs()) {
        if (!verb->is_built()) continue;
        INFO(verb->name);
        CHECK_FALSE(verb->summary.empty());
        CHECK(verb->summary.ends_with('.'));
        CHECK_FALSE(verb->doc.empty());
        CHECK_FALSE(verb->phases.empty());
        CHECK((verb->has(kReads) != verb->has(kWrites)));
        int last = -1;
        for (const auto& phase : verb->phases) {
            CHECK(phase.run != nullptr);
            CHECK(phase.number >= last); // steps of one phase share its number
            last = phase.number;
            if (phase.loop) CHECK_FALSE(phase.title.empty()); // its timeout names it
        }
        for (const auto& argument : verb->arguments) {
            CHECK_FALSE(argument.name.empty());
            CHECK_FALSE(argument.doc.empty());
            CHECK((!argument.repeats || &argument == &verb->arguments.back()));
        }
        for (auto option : verb->options) {
            INFO(option);
            CHECK(find_option(option) != nullptr);
        }
        for (auto reason : verb->errors) {
            INFO(reason);
            CHECK(is_reason(reason));
        }
    }
}

TEST_CASE("every option and every reason is documented, under a unique name") {
    std::set<std::string_view> names;
    for (const auto& row : option_table()) {
        INFO(row.name);
        CHECK(names.insert(row.name).second);
        CHECK_FALSE(row.doc.empty());
        CHECK(row.apply != nullptr);
        CHECK(find_option(row.name) == &row);
    }
    for (const auto& row : kReasons) {
        INFO(row.name);
        CHECK(names.insert(row.name).second);
        CHECK_FALSE(row.summary.empty());
    }
}

TEST_CASE("the help mentions every option and every verb of its level") {
    auto text = overview(0, built_in_verbs());
    for (const auto& row : option_table()) CHECK(text.find("  --" + std::string(row.name)) != std::string::npos);
    for (const auto* verb : all_verbs()) {
        INFO(verb->name);
        bool listed = text.find("\n  " + usage(*verb) + "\n") != std::string::npos;
        CHECK(listed == (verb->level == kNormal));
        CHECK(verb_help(*verb).find("marsadm [OPTION...] " + usage(*verb)) != std::string::npos);
    }
    CHECK(overview(1, built_in_verbs()).find("lowlevel-ls-host-ips") != std::string::npos);
    CHECK(overview(-1, built_in_verbs()).find("lowlevel-ls-host-ips") != std::string::npos);
    CHECK(overview(-1, built_in_verbs()).find("  create-cluster") == std::string::npos);
    for (const char* code : {"  0  ", "  1  ", "  2  ", "  3  ", "  4  ", "  5  ", "  6  "})
        CHECK(text.find(code) != std::string::npos);
}

TEST_CASE("all verbs of the specification are known") {
    for (const char* name : {"create-cluster",
                             "create-uuid",
                             "join-cluster",
                             "merge-cluster",
                             "merge-cluster-check",
                             "merge-cluster-list",
                             "split-cluster",
                             "leave-cluster",
                             "wait-cluster",
                             "wait-connect",
                             "update-cluster",
                             "create-resource",
                             "join-resource",
                             "leave-resource",
                             "delete-resource",
                             "activate-guest",
                             "deactivate-guest",
                             "attach",
                             "detach",
                             "up",
                             "down",
                             "pause-fetch",
                             "pause-fetch-local",
                             "pause-fetch-global",
                             "resume-fetch",
                             "resume-fetch-local",
                             "resume-fetch-global",
                             "connect",
                             "connect-local",
                             "connect-global",
                             "connect-all",
                             "disconnect",
                             "disconnect-local",
                             "disconnect-global",
                             "disconnect-all",
                             "pause-replay",
                             "pause-replay-local",
                             "pause-replay-global",
                             "resume-replay",
                             "resume-replay-local",
                             "resume-replay-global",
                             "pause-sync",
                             "pause-sync-local",
                             "pause-sync-global",
                             "resume-sync",
                             "resume-sync-local",
                             "resume-sync-global",
                             "primary",
                             "secondary",
                             "invalidate",
                             "fake-sync",
                             "set-replay",
                             "resize",
                             "log-purge-all",
                             "err-purge-all",
                             "link-purge-all",
                             "log-rotate",
                             "log-delete",
                             "log-delete-all",
                             "log-delete-all-replayed",
                             "log-delete-one",
                             "cron",
                             "wait-resource",
                             "wait-umount",
                             "set-emergency-limit",
                             "emergency-limit",
                             "get-emergency-limit",
                             "set-global-sync-limit-value",
                             "set-sync-limit-value",
                             "get-global-sync-limit-value",
                             "get-sync-limit-value",
                             "set-connect-pref-list",
                             "get-connect-pref-list",
                             "set-global-enabled-log-compressions",
                             "set-global-enabled-net-compressions",
                             "set-global-disabled-log-digests",
                             "set-global-disabled-net-digests",
                             "set-disabled-digests",
                             "set-systemd-unit",
                             "get-systemd-unit",
                             "set-systemd-want",
                             "get-systemd-want",
                             "systemd-trigger",
                             "systemd-trigger-extern",
                             "lowlevel-ls-host-ips",
                             "lowlevel-set-host-ip",
                             "lowlevel-delete-host",
                             "set-link",
                             "get-link",
                             "delete-file",
                             "view",
                             "view-anything",
                             "prettyprint-default",
                             "dump-macros",
                             "dump-all-macros",
                             "cat",
                             "role",
                             "state",
                             "show",
                             "show-state",
                             "mars-state",
                             "show-info",
                             "mars-info",
                             "show-errors",
                             "help",
                             "h",
                             "version",
                             "v",
                             "syncer",
                             "check-resize",
                             "get-gi",
                             "show-gi",
                             "outdate",
                             "adjust",
                             "hidden-commands",
                             "create-md",
                             "dump-md",
                             "dump",
                             "new-current-uuid",
                             "invalidate-remote",
                             "verify",
                             "cstate",
                             "dstate",
                             "status"}) {
        INFO(name);
        CHECK(built_in_verbs().find_built_in(name) != nullptr);
    }
}

TEST_CASE("exit codes follow the classes of reasons") {
    CHECK(exit_code(reason_of(refusal("usage.verb", "")).failure_class) == 2);
    CHECK(exit_code(reason_of(refusal("sys.nouuid", "")).failure_class) == 4);
    CHECK(exit_code(reason_of(refusal("disk.busy", "")).failure_class) == 1);
    CHECK(exit_code(reason_of(refusal("wait.device", "")).failure_class) == 3);
    CHECK(exit_code(reason_of(refusal("verb.nyi", "")).failure_class) == 1);
    CHECK(exit_code(reason_of(mars::failure(std::errc::io_error, "")).failure_class) == 4);
    CHECK(reason_of(mars::failure(std::errc::no_space_on_device, "")).name == "sys.nospace");
}
