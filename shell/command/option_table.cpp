// SPDX-License-Identifier: GPL-2.0-or-later
// The table of options, and what each does with its value.
#include "shell/command/options.hpp"

#include <algorithm>

#include "kernel/base/names.hpp"
#include "kernel/base/number.hpp"
#include "shell/ssh/ssh_options.hpp"
#include "shell/words/reason.hpp"
#include "shell/words/size.hpp"

namespace mars::shell {

namespace {

using Value = std::optional<std::string_view>;

failure malformed(std::string_view expected, Value value) {
    std::string found = value ? "'" + std::string(*value) + "'" : "nothing";
    return refusal("usage.option", "expected " + std::string(expected) + ", found " + found);
}

result<std::int64_t> integer(Value value, std::int64_t lowest, std::int64_t highest) {
    auto number = value ? parse_number<std::int64_t>(*value) : std::nullopt;
    if (number && *number >= lowest && *number <= highest) return *number;
    return malformed("a whole number from " + std::to_string(lowest) + " to " + std::to_string(highest), value);
}

constexpr std::int64_t kMany = 1'000'000'000;

result<void> no_value(Value value) {
    if (value) return malformed("no value", value);
    return {};
}

template<int Options::*member>
result<void> count(Options& o, std::string_view, Value value) {
    MARS_TRY_VOID(no_value(value));
    ++(o.*member);
    return {};
}

template<bool Options::*member>
result<void> enable(Options& o, std::string_view, Value value) {
    MARS_TRY_VOID(no_value(value));
    o.*member = true;
    return {};
}

// It has been taken from the words before anything was read (marsadm_main.cpp).
result<void> refuse_path(Options&, std::string_view, Value value) {
    if (!value || value->empty()) return malformed("a list of directories, DIR:DIR", value);
    return refusal("usage.option", "--path counts when marsadm starts, not for a single line; next: leave, and call "
                                   "marsadm --path=" +
                                       std::string(*value));
}

template<std::int64_t Options::*member>
result<void> set_integer(Options& o, std::string_view, Value value) {
    MARS_TRY(o.*member, integer(value, 0, kMany));
    return {};
}

template<Duration Options::*member>
result<void> set_seconds(Options& o, std::string_view, Value value) {
    MARS_TRY(auto seconds, integer(value, 1, kMany));
    o.*member = std::chrono::seconds(seconds);
    return {};
}

result<void> set_verbose(Options& o, std::string_view, Value value) {
    if (!value) {
        ++o.verbose;
        return {};
    }
    MARS_TRY(auto level, integer(value, -99, 99));
    o.verbose = static_cast<int>(level);
    return {};
}

result<void> set_timeout(Options& o, std::string_view, Value value) {
    MARS_TRY(auto seconds, integer(value, -1, kMany));
    o.timeout.reset();
    if (seconds >= 0) o.timeout = std::chrono::seconds(seconds);
    o.timeout_is_overall = seconds > 0;
    return {};
}

result<void> set_hook_timeout(Options& o, std::string_view, Value value) {
    MARS_TRY(auto seconds, integer(value, 0, kMany));
    o.hook_timeout.reset();
    if (seconds > 0) o.hook_timeout = std::chrono::seconds(seconds);
    return {};
}

result<void> set_threshold(Options& o, std::string_view, Value value) {
    auto bytes = value ? parse_size(*value) : std::nullopt;
    if (!bytes) return malformed("a size such as 4096, 10M or 1.5g", value);
    o.threshold = *bytes;
    return {};
}

result<void> set_host(Options& o, std::string_view, Value value) {
    if (!value || !is_identifier(*value)) return malformed("the name of a host", value);
    o.host = std::string(*value);
    return {};
}

bool is_address(std::string_view text) {
    int parts = 0;
    while (true) {
        auto dot = text.find('.');
        auto part = text.substr(0, dot);
        auto number = parse_number<unsigned>(part);
        if (!number || *number > 255 || part.size() > 3) return false;
        ++parts;
        if (dot == std::string_view::npos) return parts == 4;
        text.remove_prefix(dot + 1);
    }
}

result<void> set_ip(Options& o, std::string_view peer, Value value) {
    if (!value || !is_address(*value)) return malformed("an IPv4 address such as 192.0.2.7", value);
    if (peer.empty())
        o.ip = std::string(*value);
    else if (!is_identifier(peer))
        return refusal("usage.option", "'" + std::string(peer) + "' is no name of a host");
    else
        o.ips.insert_or_assign(std::string(peer), std::string(*value));
    return {};
}

result<void> set_macro(Options& o, std::string_view, Value value) {
    if (!value) return malformed("the text of a macro", value);
    std::string text;
    for (std::size_t i = 0; i < value->size(); ++i) {
        bool newline = value->substr(i, 2) == "\\n";
        text += newline ? '\n' : (*value)[i];
        if (newline) ++i;
    }
    o.macro = std::move(text);
    return {};
}

result<void> set_ssh_port(Options& o, std::string_view, Value value) {
    MARS_TRY(auto port, integer(value, 0, 65535));
    o.ssh_port = static_cast<int>(port);
    return {};
}

result<void> set_ssh_opts(Options& o, std::string_view, Value value) {
    if (!value) return malformed("options of ssh", value);
    if (auto parsed = parse_ssh_options(*value); !parsed) return parsed.error();
    o.ssh_opts = std::string(*value);
    return {};
}

result<void> set_no_ssh(Options& o, std::string_view, Value value) {
    MARS_TRY_VOID(no_value(value));
    o.ssh_port = 0;
    return {};
}

result<void> set_root(Options& o, std::string_view, Value value) {
    if (!value || !value->starts_with('/') || value->find("..") != std::string_view::npos)
        return malformed("an absolute path", value);
    o.root = std::string(*value);
    while (o.root.size() > 1 && o.root.back() == '/') o.root.pop_back();
    return {};
}

result<void> set_compat(Options& o, std::string_view, Value value) {
    if (value != "0.1a" && value != "none") return malformed("0.1a or none", value);
    o.compat_01a = value == "0.1a";
    return {};
}

result<void> set_now(Options& o, std::string_view, Value value) {
    if (!value) {
        o.at_once = true;
        return {};
    }
    auto stamp = value ? Stamp::parse(*value) : std::nullopt;
    if (!stamp || stamp->sec < 0) return malformed("seconds since 1970, such as 1650000000 or 1650000000.5", value);
    o.now = *stamp;
    return {};
}

result<void> set_watch(Options& o, std::string_view, Value value) {
    constexpr std::int64_t kUsual = 2;
    std::int64_t seconds = kUsual;
    if (value) {
        MARS_TRY(seconds, integer(value, 1, 86'400));
    }
    o.watch = std::chrono::seconds(seconds);
    return {};
}

// The forms of the options without effect: their values are still checked.
template<std::int64_t lowest, std::int64_t highest>
result<void> check_integer(Options&, std::string_view, Value value) {
    auto number = integer(value, lowest, highest);
    if (!number) return number.error();
    return {};
}

result<void> set_parallel(Options& o, std::string_view, Value value) {
    o.parallel = 0;
    if (!value) return {};
    MARS_TRY(auto number, integer(value, -1, 100000));
    o.parallel = static_cast<int>(std::max<std::int64_t>(number, 0));
    return {};
}

result<void> set_systemd_enable(Options& o, std::string_view, Value value) {
    MARS_TRY(auto number, integer(value, 0, 1));
    o.systemd_enable = number == 1;
    return {};
}

result<void> check_nothing(Options&, std::string_view, Value value) {
    return no_value(value);
}

result<void> check_text(Options&, std::string_view, Value value) {
    if (!value) return malformed("a value", value);
    return {};
}

constexpr auto kOptions = std::to_array<OptionRow>({
    {"force", 'f', "", "0",
     "Turns refusals that are meant as a safety belt (class F) into warnings. Read what it relaxes in the help of the "
     "verb. The prefix force- of a verb means the same.",
     true, count<&Options::force>},
    {"ignore-sync", 0, "", "0", "A handover may proceed although other members are still syncing.", true,
     count<&Options::ignore_sync>},
    {"no-return", 0, "", "", "An application that does not start at the new primary is not taken back to the old one.",
     true, enable<&Options::no_return>},
    {"yes", 0, "", "",
     "Agrees to what primary --force gives up, which is said all the same. Without it, the name of the resource has to "
     "be typed on a terminal; where there is none, the verb is refused.",
     true, enable<&Options::yes>},
    {"dry-run", 'd', "", "0",
     "Changes nothing: every key, file or command is reported as \"would ...\" instead. All checks run. Verbs that "
     "wait "
     "usually end in a timeout, so it is not meant for scripts.",
     true, count<&Options::dry_run>},
    {"verbose", 'v', "[=N]", "0",
     "Says more: from 1 on every key that is written, from 2 on sub-steps. Also selects the verbs that help lists: up "
     "to "
     "level N (1 expert, 2 internal, 3 deprecated, 99 not in this version); =-N lists only level N.",
     true, set_verbose},
    {"timeout", 0, "=S", "600",
     "Seconds for the whole verb, hooks included; what must be given back at the end comes on top. Unless given, or "
     "set in marsadm.conf, each waiting phase has so many. 0 looks once, -1 waits without limit. What was written "
     "before a timeout is not undone.",
     true, set_timeout},
    {"hook-timeout", 0, "=S", "60",
     "Seconds for each hook program, which is ended then, and counts as failed. 0: no limit. May be set in "
     "marsadm.conf.",
     true, set_hook_timeout},
    {"window", 0, "=S", "60",
     "A host is taken for dead when nothing was heard of it for so many seconds; also bounds wait-cluster (by half of "
     "it, or by --timeout if that is less).",
     true, set_seconds<&Options::window>},
    {"threshold", 0, "=SIZE", "10M", "Sloppiness of the macros that end in -threshold-reached.", true, set_threshold},
    {"host", 0, "=NAME", "the local host",
     "Acts for the host NAME: its keys are read and written in the local tree and travel from here. Meant for removing "
     "hosts that are dead for good.",
     true, set_host},
    {"ip", 0, "=IP", "", "The IPv4 address of the acting host, beats every other source.", true, set_ip},
    {"ip-PEER", 0, "=IP", "", "The IPv4 address of the host PEER, beats every other source. May be repeated.", true,
     set_ip},
    {"ssh-port", 0, "=N", "22, or as in the ssh configuration", "The port for ssh; 0 never uses ssh. Also: --ssh_port.",
     true, set_ssh_port},
    {"no-ssh", 0, "", "", "The same as --ssh-port=0.", true, set_no_ssh},
    {"ssh-opts", 0, "=TEXT", "",
     "Options for ssh, as ssh spells them: -p PORT, -i FILE, -l USER, -F FILE, -o Port=, -o IdentityFile=, -o User=, "
     "-o ConnectTimeout=, -o UserKnownHostsFile=, -o StrictHostKeyChecking=yes|accept-new; -A, -q and -T change "
     "nothing. "
     "Anything else is refused.",
     true, set_ssh_opts},
    {"ssh-accept-new", 0, "", "",
     "Accepts and remembers the key of a host that known_hosts does not know yet. Without it such a host is refused, "
     "with "
     "the fingerprint. A changed key is refused always.",
     true, enable<&Options::ssh_accept_new>},
    {"strict-wait", 0, "", "", "wait-cluster and its relatives fail with a timeout when a peer is dead.", true,
     enable<&Options::strict_wait>},
    {"stuck-seconds", 0, "=S", "3600", "Minimum age of stray temporaries to be removed by cron.", true,
     set_seconds<&Options::stuck>},
    {"keep-backup-hours", 0, "=H", "168", "How long deletion markers and backups are kept. Also: --keep-backups.", true,
     set_integer<&Options::keep_backup_hours>},
    {"thresh-logfiles", 0, "=N", "10",
     "Log rotation is skipped when so many own logs exist and the last one is smaller than --thresh-logsize.", true,
     set_integer<&Options::thresh_logfiles>},
    {"thresh-logsize", 0, "=N", "5", "See --thresh-logfiles; units of 1000000000 bytes.", true,
     set_integer<&Options::thresh_logsize>},
    {"macro", 0, "=TEXT", "", "Used once in place of the next macro that view looks up; \\n is a newline.", true,
     set_macro},
    {"compat", 0, "=0.1a|none", "none",
     "With 0.1a macros give the same bytes as in releases up to 0.1a, also where those contradict the manual; "
     "mars-macros(7) lists every such difference.",
     true, set_compat},
    {"now", 0, "[=SECONDS]", "",
     "primary does not wait until this host has caught up before it stops the application. With a value: freezes the "
     "clock of macros, ages and lags are computed for this moment; for tests, and for trees copied away.",
     true, set_now},
    {"json", 0, "", "",
     "view prints all that it knows as JSON, with stable keys and units in their names. With @HOSTS: the outcome of "
     "every host as one JSON document.",
     true, enable<&Options::json>},
    {"watch", 0, "[=SECONDS]", "",
     "view goes on: it redraws when something changes, at the latest after so many seconds (2), and highlights what is "
     "new. Ctrl-C ends it.",
     true, set_watch},
    {"root", 0, "=PATH", "$MARS_DIR, else /mars",
     "Where the tree is. With --host=NAME any tree can be viewed, also a copy, and without marsd.", true, set_root},
    {"path", 0, "=DIR:DIR", "",
     "Directories that are searched for macros, systemd templates, plugins and hooks before the others ($MARS_PATH, "
     "else "
     "~/.marsadm, /etc/marsadm, /usr/lib/marsadm, /usr/local/lib/marsadm): --path=. for the working directory, which "
     "is "
     "not searched otherwise. Files that others could have changed are left out, here as everywhere.",
     true, refuse_path},
    {"ignore-deleted-peers", 0, "=N", "1", "0: macros that count hosts count deleted ones, too.", true,
     set_integer<&Options::ignore_deleted_peers>},
    {"parallel", 0, "[=N]", "0",
     "With @HOSTS: so many hosts at the same time, 0 for all of them. Resources of one host "
     "are worked on one after the other.",
     true, set_parallel},
    {"singlestep", 0, "", "", "Asking before each phase.", false, check_nothing},
    {"error-injection-phase", 0, "=N", "0", "Failing on purpose in phase N.", false, check_integer<0, kMany>},
    {"logger", 0, "=PATH", "/usr/bin/logger", "Nothing is sent to syslog.", false, check_text},
    {"backup-dir", 0, "=PATH", "/mars/backups-NOW", "Belongs to merge-cluster and split-cluster.", false, check_text},
    {"autoclean", 0, "=DAYS", "0", "The clean-up phases of cron for hosts that are gone for long.", false,
     check_integer<0, kMany>},
    {"systemd-enable", 0, "=0|1", "1, and 0 when systemd itself or a cluster manager is the caller",
     "Whether units are generated, started and stopped by systemd.", true, set_systemd_enable},
    {"max-deletions", 0, "=N", "", "History.", false, check_integer<0, kMany>},
    {"delete-method", 0, "=N", "", "History.", false, check_integer<0, kMany>},
});

} // namespace

std::span<const OptionRow> option_table() {
    return kOptions;
}

} // namespace mars::shell
