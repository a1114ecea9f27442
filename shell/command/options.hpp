// SPDX-License-Identifier: GPL-2.0-or-later
// Options: what may be written anywhere on marsadm's command line, and their one table, from which come the parser, the
// help and the man page. Every option of the specification is accepted; one without effect in this version is marked so
// in its row, and using it prints a warning. Spec: verbs 1.2. Tests: tests/unit/shell/command_line_test.cpp.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "kernel/base/result.hpp"
#include "kernel/base/stamp.hpp"

namespace mars::shell {

struct Options {
    int force = 0;
    int ignore_sync = 0;
    int dry_run = 0;
    bool no_return = false; // an application that does not start stays where it is
    bool yes = false;       // what is lost has been agreed to
    int verbose = 0;
    std::optional<Duration> timeout = std::chrono::seconds(600); // nullopt: no limit
    bool timeout_is_overall = false;              // it was given for this call: for the whole verb, not for each wait
    std::optional<Duration> until = std::nullopt; // its end then, on the monotonic clock
    std::optional<Duration> hook_timeout = std::chrono::seconds(60); // nullopt: no limit
    Duration window = std::chrono::seconds(60);
    Duration stuck = std::chrono::seconds(3600);
    std::int64_t keep_backup_hours = 168;
    std::int64_t thresh_logfiles = 10;
    std::int64_t thresh_logsize = 5; // units of 10^9 bytes
    std::uint64_t threshold = 10 * 1024 * 1024;
    std::string host;                       // empty: the local host
    std::map<std::string, std::string> ips; // from --ip-PEER
    std::string ip;                         // from --ip
    std::optional<std::string> macro;       // with real newlines
    std::optional<int> ssh_port;            // 0: never use ssh
    std::string ssh_opts;
    bool ssh_accept_new = false;
    bool strict_wait = false;
    int parallel = 0;                   // hosts at the same time in a command for many; 0: as many as possible
    std::optional<bool> systemd_enable; // nullopt: unless called by systemd itself
    std::string root = "/mars";
    bool compat_01a = false;  // macros behave as in releases up to 0.1a
    std::optional<Stamp> now; // frozen clock of macros
    bool at_once = false;     // --now without a value: do not catch up before a handover
    bool json = false;
    std::optional<Duration> watch; // time between two pictures
    std::int64_t ignore_deleted_peers = 1;
};

// How to reach other hosts, as the options have it.
struct RemoteOptions;
RemoteOptions remote_options(const Options& options);

struct OptionRow {
    std::string_view name;  // without dashes; "ip-PEER" stands for every name that begins with "ip-"
    char letter;            // short form, 0 for none
    std::string_view value; // as in the help: "=S", "[=N]", or empty when it takes none
    std::string_view preset;
    std::string_view doc;
    bool effective; // false: accepted, warned about
    // `suffix`: what PEER stands for. `value`: nullopt when none was given. Failure: usage.option.
    result<void> (*apply)(Options&, std::string_view suffix, std::optional<std::string_view> value);
};

// The table, in the order of the help.
std::span<const OptionRow> option_table();
// Matches a name without dashes; nullptr when unknown. Aliases ("ssh_port") lead to their row.
const OptionRow* find_option(std::string_view name);
const OptionRow* find_option_letter(char letter);
// "--timeout=S", "--force, -f".
std::string option_synopsis(const OptionRow& row);

// Applies one command-line word that begins with '-' to `options`. Returns the row; usage.option when there is none or
// the value is malformed. A word is "--name", "--name=value" (blanks around = are tolerated) or "-f".
result<const OptionRow*> apply_option(Options& options, std::string_view word);

} // namespace mars::shell
