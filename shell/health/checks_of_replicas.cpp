// SPDX-License-Identifier: GPL-2.0-or-later
// Checks of every member of a resource: switches, disk, copy, logs, messages.
#include <array>

#include "shell/command/checks.hpp"
#include "shell/command/hosts.hpp"
#include "shell/command/split_report.hpp"
#include "shell/health/doctor.hpp"

namespace mars::shell {

namespace {

struct SwitchRow {
    std::string_view key, what, verb;
};

constexpr std::array<SwitchRow, 4> kSwitches{{
    {"attach", "its disk is detached", "attach"},
    {"connect", "it does not fetch logs", "resume-fetch"},
    {"sync", "its sync is switched off", "resume-sync"},
    {"allow-replay", "its replay is switched off", "resume-replay"},
}};

constexpr std::int64_t kMuch = 10 << 20; // bytes behind, as --threshold of views

void check_switches(Examination& e) {
    const auto& p = e.patient;
    for (const auto& host : e.hosts)
        for (const auto& row : kSwitches) {
            const auto key = tree::resource_key(e.resource, "todo-" + host + "/" + std::string(row.key));
            if (p.view.flag(key)) continue;
            // A primary needs neither logs nor a copy of others, and the copy of a complete replica is there.
            const bool is_idle = row.key != "attach" && tree::is_primary(p.view, e.resource, host);
            if (is_idle || (row.key == "sync" && p.is_complete(e.resource, host))) continue;
            const auto link = p.view.get(key);
            e.add(Weight::warning, host, std::string(row.what) + (link ? " " + p.since(link->stamp) : ""),
                  "somebody has switched it off (" + key + ")",
                  {p.command(host, std::string(row.verb) + " " + e.resource)});
        }
}

bool says(const Examination& e, const std::string& host, const char* name) {
    return message_at(e.patient.view, tree::resource_key(e.resource, "actual-" + host + "/msg-" + name)).has_value();
}

void check_disk(Examination& e) {
    const auto& p = e.patient;
    for (const auto& host : e.hosts) {
        const auto error = p.of_host(e.resource, host, "disk-error");
        const auto disk = p.view.value(tree::resource_key(e.resource, "data-" + host));
        if (!error.empty() && error != "0" && !says(e, host, "err-disk-mismatch"))
            e.add(Weight::error, host, "its disk " + disk + " is not used: disk-error = " + error,
                  "it is missing, too small, or has failed",
                  {"look at journalctl -u marsd and dmesg on " + host,
                   "after it was replaced: " + p.command(host, "invalidate " + e.resource)});
        else if (error.empty() || error == "0") {
            const auto wanted = p.view.flag(tree::resource_key(e.resource, "todo-" + host + "/attach"));
            if (wanted && !p.is_on(e.resource, host, "is-attached"))
                e.add(Weight::error, host, "its disk " + disk + " is to be attached, but is not", "",
                      {"journalctl -u marsd on " + host, p.command(host, "view " + e.resource)});
        }
    }
}

void check_device(Examination& e) {
    for (const auto& host : e.hosts) {
        const auto state = e.patient.of_host(e.resource, host, "if-state");
        if (state.empty() || state == "0") continue;
        e.add(Weight::error, host, "its device /dev/mars/" + e.resource + " fails requests: if-state = " + state,
              "its log or its disk cannot be written",
              {"journalctl -u marsd and df -h /mars on " + host,
               "if it stays so: marsadm primary " + e.resource + " on another member"});
    }
}

// What marsd of `host` says about an activity that does not go on; empty: nothing.
std::string said_of(const Examination& e, const std::string& host, std::initializer_list<const char*> names) {
    std::string text;
    for (const char* name : names) {
        const auto key = tree::resource_key(e.resource, "actual-" + host + "/msg-" + name);
        if (const auto said = message_at(e.patient.view, key)) text += "; " + said->text;
    }
    return text;
}

void check_copy(Examination& e) {
    const auto& p = e.patient;
    const auto size = p.view.number(tree::resource_key(e.resource, "size")).value_or(0);
    for (const auto& host : e.hosts) {
        if (p.is_complete(e.resource, host)) continue;
        const auto done = p.view.number(tree::resource_key(e.resource, "syncstatus-" + host)).value_or(0);
        const auto why = tree::amount_text(done) + " of " + tree::amount_text(size) + " are here" +
                         said_of(e, host, {"inf-sync", "inf-sync-start"});
        if (done >= size)
            e.add(Weight::warning, host, "its copy is whole, but its replay has still to reach the end of the sync",
                  "until then its disk cannot be used", {"marsadm forecast " + e.resource});
        else if (p.is_on(e.resource, host, "is-syncing"))
            e.add(Weight::warning, host, "its copy is being made; until then its disk cannot be used", why,
                  {"wait: marsadm forecast " + e.resource});
        else
            e.add(Weight::error, host, "its copy is not complete, and no sync runs", why,
                  {p.command(host, "resume-sync " + e.resource), p.command(host, "view " + e.resource)});
    }
}

// Its last progress, when that is long ago for somebody who is behind.
std::string standstill_of(const Examination& e, const std::string& host) {
    const auto replay = e.patient.view.get(tree::resource_key(e.resource, "replay-" + host));
    if (!replay || e.patient.now() - replay->stamp < std::chrono::minutes(1)) return {};
    return "; its position has not moved " + e.patient.since(replay->stamp);
}

void check_backlog(Examination& e) {
    const auto& p = e.patient;
    for (const auto& host : e.hosts) {
        if (p.is_silent(host)) continue; // said of it already
        const auto lag = tree::lag_of(p.view, e.resource, host, p.looker);
        if (lag.bytes && *lag.bytes > kMuch)
            e.add(
                Weight::warning, host, "its replica is " + tree::amount_text(*lag.bytes) + " behind",
                (lag.time ? "the oldest write that it misses was " + tree::age_text(*lag.time) + " ago" : lag.reason) +
                    standstill_of(e, host) + said_of(e, host, {"inf-fetch"}),
                {"marsadm forecast " + e.resource + " tells when it has caught up"});
    }
}

void check_logs(Examination& e) {
    const auto& p = e.patient;
    for (const auto& host : e.hosts) {
        const auto damaged = p.of_host(e.resource, host, "damaged-log");
        const auto code = p.of_host(e.resource, host, "replay-code");
        const bool is_told = says(e, host, "err-replay-stop");
        if (!damaged.empty() && damaged != tree::kNone)
            e.add(Weight::error, host, "its " + damaged + " is damaged",
                  "a good copy is taken from any member that has one",
                  {"see that all members are reachable",
                   "if no member has one: " + p.command(host, "invalidate " + e.resource)});
        else if (code.starts_with('-') && !is_told)
            e.add(Weight::error, host, "its replay has stopped, replay-code = " + code, "",
                  {"journalctl -u marsd on " + host,
                   "if nothing else helps: " + p.command(host, "invalidate " + e.resource)});
    }
}

void check_emergency(Examination& e) {
    for (const auto& host : e.hosts)
        if (e.patient.is_on(e.resource, host, "has-emergency"))
            e.add(Weight::error, host, "it is in emergency mode: /mars was full, and logging has stopped", "",
                  {"make room: " + e.patient.command(host, "log-delete-all all"), "marsadm view " + e.resource});
}

void check_messages(Examination& e) {
    const auto& p = e.patient;
    const bool is_split = !split_report(p.view, e.resource).empty();
    for (const auto& host : e.hosts) {
        const auto directory = tree::resource_key(e.resource, "actual-" + host);
        for (const char* kind : {"err-", "wrn-"})
            for (const auto& name : p.view.names(directory, std::string("msg-") + kind)) {
                const auto said = message_at(p.view, directory + "/" + name);
                if (!said || (is_split && name == "msg-err-splitbrain-detected")) continue; // told with its versions
                auto advice = advice_of(said->text);
                if (advice.cures.empty()) advice.cures = {p.command(host, "view " + e.resource)};
                e.add(kind == std::string_view("err-") ? Weight::error : Weight::warning, host, advice.text,
                      name.substr(4) + " " + p.since(said->real), std::move(advice.cures));
            }
    }
}

constexpr Check kReplicaChecks[] = {
    {"switches", "nothing is switched off", true, check_switches},
    {"disk", "disks are attached and work", true, check_disk},
    {"device", "the device works", true, check_device},
    {"copy", "every replica is complete", true, check_copy},
    {"backlog", "no replica is far behind", true, check_backlog},
    {"logs", "no log is damaged, replay has not stopped", true, check_logs},
    {"emergency", "no host is in emergency mode", true, check_emergency},
    {"messages", "no messages of marsd about a resource", true, check_messages},
};

} // namespace

std::span<const Check> checks_of_replicas() {
    return kReplicaChecks;
}

} // namespace mars::shell
