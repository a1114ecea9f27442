// SPDX-License-Identifier: GPL-2.0-or-later
// Checks of hosts: marsd, news, messages, space, clocks, versions.
#include "kernel/tree/heard.hpp"
#include "shell/command/checks.hpp"
#include "shell/command/hosts.hpp"
#include "shell/health/doctor.hpp"

namespace mars::shell {

namespace {

constexpr std::uint64_t kFullBytes = std::uint64_t{8} << 20;
constexpr std::uint64_t kFullInodes = 32;

void check_own_marsd(Examination& e) {
    const auto& p = e.patient;
    if (!p.view.get("uuid"))
        return e.add(Weight::warning, p.me(), "it belongs to no cluster yet", "",
                     {"marsadm create-cluster, or marsadm join-cluster HOST"});
    if (!p.marsd_runs)
        return e.add(Weight::error, p.me(), "marsd does not run here, or cannot write to " + p.root,
                     "nothing is replicated, and what this host shows is old",
                     {"systemctl status marsd; journalctl -u marsd", "systemctl start marsd"});
    if (const auto silence = tree::silence_of(p.view, p.me(), p.looker))
        e.add(Weight::error, p.me(),
              "marsd runs here, but has told nothing" +
                  (silence->heard ? " for " + tree::age_text(p.now() - *silence->heard) : std::string(" so far")),
              "it hangs, or cannot write to " + p.root, {"journalctl -u marsd", "dmesg"});
}

// What the silence of `host` means for each resource.
std::string what_is_missed(const Patient& p, const std::string& host) {
    std::string text;
    for (const auto& resource : resources_of(p.view, host)) {
        text += text.empty() ? "" : "; ";
        const auto behind = tree::bytes_behind(p.view, resource, host);
        if (tree::is_primary(p.view, resource, host))
            text += "it is the primary of " + resource + ", so nobody knows how far the other replicas are behind";
        else if (behind)
            text += "its replica of " + resource + " is " + tree::amount_text(*behind) + " behind at most";
        else
            text += "the position of its replica of " + resource + " is not known";
    }
    return text;
}

void check_silence(Examination& e) {
    const auto& p = e.patient;
    for (const auto& host : e.hosts) {
        const auto silence = host == p.me() ? std::nullopt : tree::silence_of(p.view, host, p.looker);
        if (!silence) continue;
        const bool was_stopped = p.view.value("actual-" + host + "/alive") == "0";
        const auto missed = what_is_missed(p, host);
        std::vector<std::string> cures{"ping " + host + "; ssh " + host + " systemctl status marsd"};
        if (was_stopped) cures = {"ssh " + host + " systemctl start marsd"};
        for (const auto& resource : resources_of(p.view, host))
            cures.push_back("if " + host + " has gone for good: marsadm --host=" + host + " --force leave-resource " +
                            resource);
        e.add(missed.empty() || was_stopped ? Weight::warning : Weight::error, host,
              text_of(*silence, p.now()) + (was_stopped ? " (marsd was stopped in order there)" : ""), missed,
              std::move(cures));
    }
}

void check_host_messages(Examination& e) {
    const auto& p = e.patient;
    for (const auto& host : e.hosts)
        for (const char* kind : {"err-", "wrn-"})
            for (const auto& name : p.view.names("actual-" + host, std::string("msg-") + kind)) {
                const auto said = message_at(p.view, "actual-" + host + "/" + name);
                if (!said) continue;
                auto advice = advice_of(said->text);
                e.add(kind == std::string_view("err-") ? Weight::error : Weight::warning, host, advice.text,
                      name.substr(4) + " " + p.since(said->real), std::move(advice.cures));
            }
}

void check_own_space(Examination& e) {
    const auto& p = e.patient;
    if (!p.space) return;
    const auto& space = *p.space;
    const auto free = tree::amount_text(static_cast<std::int64_t>(space.available_bytes)) + " of " +
                      tree::amount_text(static_cast<std::int64_t>(space.total_bytes));
    const std::vector<std::string> cures{"df -h " + p.root + "; df -i " + p.root, "marsadm log-delete-all all",
                                         "marsadm forecast"};
    if (space.is_read_only)
        e.add(Weight::error, p.me(), p.root + " is read-only, so marsd cannot tell nor log anything", "",
              {"dmesg tells why; stop marsd, fsck, and mount it again"});
    else if (space.available_bytes < kFullBytes || space.available_inodes < kFullInodes)
        e.add(Weight::error, p.me(), p.root + " is full", free + " are free", cures);
    else if (space.available_bytes < space.total_bytes / 10)
        e.add(Weight::warning, p.me(), p.root + " is nearly full", free + " are free", cures);
}

// Of a /mars that is smaller than the reserve the level says nothing.
void check_space_of_others(Examination& e) {
    const auto& p = e.patient;
    for (const auto& host : e.hosts) {
        const auto directory = "actual-" + host + "/";
        const auto level = p.view.number(directory + "emergency").value_or(0);
        if (host == p.me() || level <= 0 || p.view.number(directory + "total-space").value_or(0) <= 0) continue;
        e.add(level >= 3 ? Weight::error : Weight::warning, host,
              p.root + " is filling up: level " + std::to_string(level) + " of 4",
              p.view.value(directory + "rest-space", "0") + " GiB are free beyond the reserve",
              {p.command(host, "log-delete-all all"), p.command(host, "forecast")});
    }
}

void check_clock(Examination& e) {
    const auto lead = tree::clock_lead(e.patient.view, e.patient.me(), e.patient.now());
    if (lead <= std::chrono::minutes(1)) return;
    e.add(Weight::warning, "", "the cluster's clock is " + tree::age_text(lead) + " ahead of this host's",
          "a host had a wrong clock, or somebody has touched a key; the data is not affected",
          {"compare the clocks of all hosts: marsadm @hosts lua 'return os.time()'"});
}

void check_versions(Examination& e) {
    const auto& p = e.patient;
    for (const char* key : {"buildtag", "tree"}) {
        const auto mine = p.view.value("actual-" + p.me() + "/" + key);
        for (const auto& host : e.hosts) {
            const auto theirs = p.view.value("actual-" + host + "/" + key);
            if (host == p.me() || theirs.empty() || mine.empty() || theirs == mine) continue;
            e.add(Weight::warning, host, "it runs another version: " + theirs,
                  "this host has " + mine + " (actual-HOST/" + key + ")",
                  {"install the same version everywhere, one host after the other; marsadm safe-to-stop " + host +
                   " tells when"});
        }
    }
}

constexpr Check kHostChecks[] = {
    {"marsd", "marsd of this host runs and tells something", false, check_own_marsd},
    {"silence", "something was heard lately of every host", false, check_silence},
    {"host-messages", "no messages of a host about itself", false, check_host_messages},
    {"space", "room in /mars of this host", false, check_own_space},
    {"space-elsewhere", "room in /mars of the others", false, check_space_of_others},
    {"clock", "the cluster's clock agrees with this host's", false, check_clock},
    {"versions", "all hosts run the same version", false, check_versions},
};

} // namespace

std::span<const Check> checks_of_hosts() {
    return kHostChecks;
}

} // namespace mars::shell
