// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/resource/decision.hpp"

#include <algorithm>

namespace mars::resource {

// F2, with one exception to P8: a designated primary that knows of missing records goes on fetching them.
void Decision::decide_fetch() {
    if (local_.gone_log) return; // nothing that comes may pass for what was lost
    if (!r_.todo(me_, "connect") || !r_.sync_status(me_) || local_.device_exists) return;
    const bool is_promoting = designated_ && (plan_.work == Work::append || plan_.step_to);
    if (is_promoting || (designated_ && !somebody_is_ahead(length_))) return;
    fetch_position();
    if (auto conflict = logs_numbered(plan_.fetch_log.seq + 1); conflict.size() > 1) {
        say("err-splitbrain-detected", "two logs with number " + std::to_string(conflict.front().seq));
        return;
    }
    std::string others; // what continues another history is not wanted here
    for (auto& host : fetch_sources()) {
        if (has_same_history(host, plan_.fetch_log))
            plan_.fetch_from.push_back(host);
        else
            others += (others.empty() ? "" : ", ") + host;
    }
    plan_.fetch = !plan_.fetch_from.empty();
    if (!plan_.fetch && !others.empty())
        say("inf-fetch", "nothing is fetched: what " + others + " knows to be before " + plan_.fetch_log.text() +
                             " is not what " + me_ + " has; next, if it stays so: marsadm invalidate " + r_.name() +
                             " on the host whose version is to go");
}

// Members may have what is damaged here, also of an own log, whose other bytes nobody else may have: it is mended
// in place. Meanwhile nothing is appended to it.
void Decision::decide_repair() {
    if (!local_.damaged || !local_.may_repair || local_.engine != Engine::off || !r_.todo(me_, "connect")) return;
    plan_.fetch_log = plan_.log = *local_.damaged;
    plan_.start = plan_.log == cur_ ? position_ : 0;
    for (auto& host : fetch_sources())
        if (has_same_history(host, plan_.log)) plan_.fetch_from.push_back(host);
    plan_.repair = !plan_.fetch_from.empty();
}

// As far as is known: the version links below the log agree.
bool Decision::has_same_history(const std::string& host, const LogName& log) const {
    const auto mine = r_.version(log.seq, me_);
    const auto theirs = r_.version(log.seq, host);
    return !mine || !theirs || mine->log != log || (theirs->log == log && theirs->prev == mine->prev);
}

// Behind the last local log that continues the current one without a gap. A log with a successor can still be
// short: its source may have lost it (by invalidate, log-delete) while it was sending.
void Decision::fetch_position() {
    plan_.fetch_log = cur_;
    for (auto next = logs_numbered(cur_.seq + 1); next.size() == 1; next = logs_numbered(next.front().seq + 1)) {
        const auto final_length = r_.final_length(plan_.fetch_log);
        const bool is_short = final_length && length_of(plan_.fetch_log).value_or(0) < *final_length;
        plan_.fetch_gap = is_short;
        if (plan_.fetch_gap) break;
        plan_.fetch_log = next.front();
    }
    plan_.fetch_offset = length_of(plan_.fetch_log).value_or(0);
    if (!plan_.fetch_gap) ask_for_next();
}

// The primary has come farther than the log behind this one, and still that has not followed: it is asked for by
// its name, so that it shows whether anybody has it.
void Decision::ask_for_next() {
    const auto theirs = r_.replay(r_.primary());
    const auto final_length = r_.final_length(plan_.fetch_log);
    const auto next = r_.version(plan_.fetch_log.seq + 1, r_.primary());
    if (!theirs || theirs->log.seq <= plan_.fetch_log.seq + 1 || !next || !final_length ||
        plan_.fetch_offset < *final_length)
        return;
    plan_.fetch_log = next->log;
    plan_.fetch_offset = 0;
}

// The designated primary first: it writes the newest log, and two secondaries must never wait for each other. Then
// the origin of the current log (F6 has it first), then the other members.
std::vector<std::string> Decision::fetch_sources() const {
    std::vector<std::string> hosts;
    auto add = [&](const std::string& host) {
        if (host.empty() || host == me_ || std::find(hosts.begin(), hosts.end(), host) != hosts.end()) return;
        const auto address = view_.value("ips/ip-" + host);
        if (!address.empty() && !address.starts_with("(")) hosts.push_back(host);
    };
    const auto members = r_.storage_members();
    auto add_member = [&](const std::string& host) {
        if (std::find(members.begin(), members.end(), host) != members.end()) add(host);
    };
    if (designated_) // what this host lacks, only who has come farther can have
        for (auto& host : members)
            if (const auto other = r_.replay(host);
                other && format::compare_progress(other->position(), {cur_, length_}) > 0)
                add(host);
    add_member(r_.primary());
    add_member(plan_.fetch_log.host);
    for (auto& host : members) add(host);
    return hosts;
}

} // namespace mars::resource
