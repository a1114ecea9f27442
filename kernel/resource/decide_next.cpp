// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/resource/decision.hpp"

#include <algorithm>

namespace mars::resource {

void Decision::decide_next() {
    if (local_.gone_log) return decide_gone(*local_.gone_log);
    if (is_log_short()) {
        if (!local_.is_trusted) return tell_of_short_log();
        if (position_ > length_) { // of the disk, nothing is lost: the next log continues it
            plan_.remove_log = cur_;
            return create_own(LogName{cur_.seq + 1, me_});
        }
    }
    if (!is_finished() || leave_empty_log()) return;
    if (!length_of(cur_) && is_mine(cur_) && designated_ && local_.missing_past.empty()) return create_own(cur_);
    const auto next = logs_numbered(cur_.seq + 1);
    if (!next.empty()) {
        if (may_step(next)) return step_to(next.front());
        // After a forced switch, what others have under the next number continues the version that was given up.
        const bool is_chosen = r_.was_forced(me_) && is_mine(cur_);
        if (!(designated_ && (is_forced() || is_chosen))) return;
    }
    if (designated_) decide_promotion();
}

// This host stands at the begin of a log, and the primary's history has another one under that number, which continues
// what is here: whoever has made the first one died before it wrote anything that arrived here. An own one goes.
bool Decision::leave_empty_log() {
    if (designated_ || position_ > 0 || length_ > 0 || acknowledged() > 0) return false;
    const auto theirs = r_.version(cur_.seq, r_.primary());
    const auto before = r_.version(cur_.seq - 1, me_);
    if (!theirs || theirs->log == cur_ || !before || theirs->prev != before->head()) return false;
    if (is_mine(cur_) && length_of(cur_)) plan_.remove_log = cur_;
    plan_.step_to = theirs->log;
    return true;
}

// What this host has acknowledged of its own log, as its version link says.
std::int64_t Decision::acknowledged() const {
    const auto version = is_mine(cur_) ? r_.version(cur_.seq, me_) : std::nullopt;
    return version && version->log == cur_ ? version->length : 0;
}

// The designated primary has written more than is left here of the log, and as much as anybody knows of: somebody
// has removed or cut the log.
bool Decision::is_log_short() {
    const auto wanted = std::max(position_, acknowledged());
    return designated_ && local_.disk_is_open && local_.damaged != cur_ && wanted > length_ && r_.is_consistent(me_) &&
           logs_numbered(cur_.seq + 1).empty() && !somebody_is_ahead(wanted);
}

// The disk goes on, if an operator believes in it: from behind the log that has gone. What that held is not known,
// so that nobody may take it as complete: whoever lacks a byte of it has to copy the disk.
void Decision::decide_gone(const LogName& gone) {
    if (!designated_) return;
    if (!local_.is_trusted) return tell_of_gone_log(gone);
    if (gone != cur_) { // a rotation was under way
        plan_.step_to = LogName{cur_.seq + 1, me_};
        return;
    }
    plan_.correct_version_to = std::max({acknowledged(), length_, std::int64_t(1)});
    plan_.remove_log = gone;
    plan_.step_to = LogName{gone.seq + 1, me_};
    plan_.create_log = !length_of(*plan_.step_to);
}

void Decision::tell_of_gone_log(const LogName& gone) {
    std::string others;
    for (auto& host : r_.storage_members()) {
        const auto known = host == me_ ? std::nullopt : r_.version(gone.seq, host);
        if (known && known->log == gone && known->length >= acknowledged())
            others += ", or marsadm primary " + r_.name() + " on " + host + ", which has " +
                      std::to_string(known->length) + " bytes of it (" + me_ + " gets a new copy then)";
    }
    say("err-past-missing",
        "of " + gone.text() + ", only " + std::to_string(length_of(gone).value_or(0)) + " bytes are left on " + me_ +
            " (looked at when it was first missed), which was writing it when it died: what had been acknowledged "
            "is "
            "not known, and the disk of " +
            me_ + " may hold some of it; next: stop marsd on " + me_ + ", put the log back, and start it again" +
            others + ", or marsadm --force trust-disk " + r_.name() + " on " + me_ +
            ", which goes on with what its disk holds (the other members need an invalidate then)");
}

void Decision::tell_of_short_log() {
    say("err-past-missing",
        "of " + cur_.text() + ", only " + std::to_string(length_) + " bytes are left on " + me_ + ", of at least " +
            std::to_string(std::max(position_, acknowledged())) +
            ", and no member that has been heard of has more; the disk of " + me_ +
            " holds what was written up to byte " + std::to_string(std::max(position_, length_)) +
            ". What had been acknowledged behind is lost, unless the log is put back; next: do so, or marsadm "
            "--force trust-disk " +
            r_.name() + " on " + me_ +
            ", which goes on with what is there (members that are behind need an invalidate then)");
}

void Decision::create_own(const LogName& name) {
    plan_.step_to = name;
    plan_.create_log = true;
}

void Decision::step_to(const LogName& next) {
    plan_.step_to = next;
    if (is_mine(cur_)) correct_version();
}

// P9: what the version link promised before a crash may differ from what is really there.
void Decision::correct_version() {
    auto version = r_.version(cur_.seq, me_);
    if (!version || version->log != cur_ || version->length != length_) plan_.correct_version_to = length_;
}

// S1 … S9 and the hold of R4.
bool Decision::may_step(const std::vector<LogName>& next) {
    const LogName& n = next.front();
    if (next.size() > 1 || logs_numbered(cur_.seq).size() > 1) {
        say("err-splitbrain-detected", "two logs with number " + std::to_string(n.seq) + " from different hosts");
        return false;
    }
    if (designated_ && is_mine(cur_) && !is_mine(n) && !is_continued_by(n)) {
        say("inf-log-foreign-denied", "own log " + cur_.text() + " is not continued by " + n.text());
        return false;
    }
    if (!is_mine(cur_) && !origin_agrees(n)) return false;
    if (is_mine(cur_) && is_mine(n) && !is_complete_before(n)) return false;
    return next_fits(n);
}

// The own log is complete when the next one has a byte: it gets none before. An empty one proves nothing: this host may
// have been put back to a picture from the middle of a rotation, after which the log had grown on. Then others know it,
// or have to be asked.
bool Decision::is_complete_before(const LogName& n) {
    for (auto& host : r_.storage_members()) {
        const auto theirs = host == me_ ? std::nullopt : r_.version(n.seq, host);
        if (!theirs || theirs->log != n || theirs->prev.empty()) continue;
        const auto end = format::head_position(theirs->prev);
        if (!end || end->log != cur_) continue;
        if (end->pos > length_)
            say("inf-versionlink-not-equal", host + " knows of " + std::to_string(end->pos) + " bytes of " +
                                                 cur_.text() + " before " + n.text() + ", here are only " +
                                                 std::to_string(length_));
        return end->pos <= length_;
    }
    if (length_of(n).value_or(0) > 0 || r_.primary() != me_) return true;
    if (!local_.missing_past.empty()) say("err-past-missing", local_.missing_past);
    return designated_ && local_.missing_past.empty() && (is_forced() || !somebody_is_ahead(length_));
}

// Others have been primary since, and their history goes on exactly where the own log ends here: this host has been
// put back to an older picture, and is designated again. Without both links nothing is proven.
bool Decision::is_continued_by(const LogName& n) const {
    const auto theirs = r_.version(n.seq, n.host);
    const auto mine = r_.version(cur_.seq, me_);
    return theirs && mine && mine->log == cur_ && mine->length == length_ && theirs->prev == mine->head();
}

// S4, S7: the old log is here completely. Or else its writer had more of it than the host that has gone on, by a forced
// switch, exactly where this one stands.
bool Decision::origin_agrees(const LogName& n) {
    const auto mine = r_.version_text(cur_.seq, me_);
    const auto origin = r_.version_text(cur_.seq, cur_.host);
    if (mine.empty() || origin.empty()) {
        say("err-versionlink-not-readable",
            "version link " + std::to_string(cur_.seq) + " of " + (mine.empty() ? me_ : cur_.host) + " is missing");
        return false;
    }
    if (mine == origin || is_continued_by(n)) return true;
    say("inf-versionlink-not-equal", cur_.text() + " is not yet complete here");
    return false;
}

// S6, S9, and R4's hold while the old primary may still finish its log.
bool Decision::next_fits(const LogName& n) {
    const auto theirs = r_.version(n.seq, n.host);
    if (!is_mine(n) && !designated_ && !theirs) {
        say("inf-versionlink-not-yet-exist", "version link " + std::to_string(n.seq) + " of " + n.host + " is missing");
        return false;
    }
    if (theirs && !plan_.correct_version_to && !is_mine(n)) {
        auto mine = r_.version(cur_.seq, me_);
        if (!mine || theirs->prev != mine->head()) {
            say("err-splitbrain-detected", n.text() + " does not continue " + cur_.text() + " as it is here");
            return false;
        }
    }
    const bool empty = length_of(n).value_or(0) == 0;
    return designated_ || is_mine(n) || !empty || local_.primary_is_alive || r_.primary().empty();
}

// R3, R5: append into an own empty log; never behind existing records.
void Decision::decide_promotion() {
    if (!r_.is_consistent(me_))
        return say("err-replay-stop", "the sync of " + me_ + " has not finished: " + me_ + " cannot become primary");
    if ((!is_forced() || local_.was_put_back) && somebody_is_ahead(length_)) {
        if (is_forced())
            say("err-past-missing", me_ +
                                        " has been put back from an older picture, others have what is missing, and "
                                        "fetch is paused here; next: marsadm resume-fetch " +
                                        r_.name() + " on " + me_ + ", or marsadm --force trust-disk " + r_.name() +
                                        ", which gives up what has been written since then");
        return;
    }
    if (!local_.missing_past.empty()) return say("err-past-missing", local_.missing_past);
    if (!local_.unaware.empty())
        return say("inf-primary-wait",
                   "before the device appears, " + local_.unaware + " must have seen that " + me_ +
                       " is to be primary, and not be primary itself; next: wait for the line, or, for a host that "
                       "has gone for good, marsadm --host=HOST --force leave-resource " +
                       r_.name());
    if (is_mine(cur_) && length_ == 0 && length_of(cur_)) {
        plan_.work = Work::append;
        plan_.log = cur_;
        return;
    }
    if (is_mine(cur_) || gives_up_rest()) correct_version();
    create_own(LogName{cur_.seq + 1, me_});
}

// The host has gone on differently: what it has more, the operator has given up by making this host primary.
bool Decision::is_other_history(const std::string& host) const {
    const auto theirs = r_.replay(host);
    if (!theirs) return false;
    const auto history = compare_with(host, theirs->position()).kind;
    if (local_.was_put_back) return false; // it is this host that lacks something, and nobody has chosen that
    return history == format::History::split || (history == format::History::unknown && r_.was_forced(me_));
}

// Others have more than `here` bytes of the current log, or later ones. No promotion over records that are known to
// exist elsewhere, unless forced (`connect` = 0). The tree may know of them before the log has arrived. This is
// stricter than symlink-tree P7, which trusts the admin tool alone.
bool Decision::somebody_is_ahead(std::int64_t here) {
    if (!is_mine(cur_))
        if (auto origin = r_.version(cur_.seq, cur_.host); origin && origin->log == cur_ && origin->length > here) {
            say("inf-versionlink-not-equal", cur_.host + " has written " + std::to_string(origin->length) +
                                                 " bytes of " + cur_.text() + ", here are only " +
                                                 std::to_string(here));
            return true;
        }
    for (auto& host : r_.storage_members()) {
        if (host == me_ || is_other_history(host)) continue;
        auto next = r_.version(cur_.seq + 1, host);
        if (next && next->log.host == host && next->length > 0) {
            say("inf-versionlink-not-yet-exist", host + " has written " + next->log.text());
            return true;
        }
        auto other = r_.replay(host);
        if (other && other->log == cur_ && other->pos > here) { // a restored primary: its own log, longer elsewhere
            say("inf-versionlink-not-equal", host + " has applied " + std::to_string(other->pos) + " bytes of " +
                                                 cur_.text() + ", here are only " + std::to_string(here));
            return true;
        }
        if (other && other->log.seq > cur_.seq) {
            say("inf-versionlink-not-yet-exist", host + " is already in " + other->log.text());
            return true;
        }
    }
    return false;
}

} // namespace mars::resource
