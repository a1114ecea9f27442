// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/resource/decide.hpp"

#include <algorithm>

#include "kernel/format/split_brain.hpp"
#include "kernel/resource/resource_view.hpp"

namespace mars::resource {

namespace {

constexpr std::int64_t kHoleDistance = 5; // 4.2 `hole`

bool is_behind(const format::ReplayLink& a, const format::ReplayLink& b) {
    return format::compare_progress(a.position(), b.position()) < 0;
}

class Decision {
  public:
    Decision(const tree::View& view, const std::string& resource, const Local& local)
        : view_(view), r_(view, resource), local_(local), me_(local.me) {
        active_ = view.get(r_.key("device-" + me_)).has_value();
        may_attach_ = active_ && !local.shutting_down && r_.todo(me_, "attach");
        designated_ = may_attach_ && local.may_be_designated && r_.primary() == me_;
        replay_ = r_.replay(me_);
        if (replay_) find_position();
    }

    Plan make() {
        plan_.device = wants_device();
        plan_.open_disk = may_attach_ || local_.device_exists || local_.engine == Engine::appending;
        if (local_.engine == Engine::appending) {
            decide_appending();
            return std::move(plan_);
        }
        if (!may_attach_) return std::move(plan_);
        if (!replay_) {
            say("err-replaylink-not-readable", "replay link of " + me_ + " is missing or unreadable");
            return std::move(plan_);
        }
        decide_sync();
        if (is_split()) return std::move(plan_);
        decide_replay();
        if (plan_.work == Work::nothing) decide_next();
        decide_repair();
        if (!plan_.repair) decide_fetch();
        return std::move(plan_);
    }

  private:
    // --- facts -------------------------------------------------------------------------------------------------------

    // Where replay stands: the smaller of replay link and version link (TL-P4), and the length of that log.
    void find_position() {
        cur_ = replay_->log;
        position_ = replay_->pos;
        if (auto version = r_.version(cur_.seq, me_); version && version->log == cur_)
            position_ = std::min(position_, version->length);
        length_ = length_of(cur_).value_or(0);
    }

    std::optional<std::int64_t> length_of(const LogName& name) const {
        for (auto& log : local_.logs)
            if (log.name == name) return log.length;
        return std::nullopt;
    }

    // Local logs with this number; an own one hides foreign ones (S1).
    std::vector<LogName> logs_numbered(std::int64_t number) const {
        std::vector<LogName> found;
        for (auto& log : local_.logs)
            if (log.name.seq == number) found.push_back(log.name);
        for (auto& name : found)
            if (name.host == me_) return {name};
        return found;
    }

    bool is_mine(const LogName& name) const { return name.host == me_; }
    bool is_forced() const { return !r_.todo(me_, "connect"); }
    void say(const std::string& key, std::string text) { plan_.messages.emplace(key, std::move(text)); }

    bool has_hole() const {
        std::int64_t contiguous = cur_.seq;
        for (auto& log : local_.logs)
            if (log.name.seq == contiguous + 1) contiguous = log.name.seq;
        return std::any_of(local_.logs.begin(), local_.logs.end(),
                           [&](const LocalLog& log) { return log.name.seq > contiguous + kHoleDistance; });
    }

    bool has_double() const { return logs_numbered(cur_.seq).size() > 1 || logs_numbered(cur_.seq + 1).size() > 1; }

    // True when this replica and the designated primary have gone on differently: nothing is fetched or replayed until
    // one of them gives way. The primary itself goes on: it is the version that the operator has chosen.
    bool is_split() {
        const auto primary = r_.primary();
        if (designated_ || primary.empty() || primary == me_ || plan_.work == Work::sync) return false;
        const auto theirs = r_.replay(primary);
        // A replay link may have arrived before its version link.
        const auto link = theirs ? r_.version(theirs->log.seq, primary) : std::nullopt;
        if (!link || link->log != theirs->log) return false;
        const auto look_up = [&](std::int64_t seq, std::string_view host) {
            return view_.get_value(r_.key(format::version_key(seq, host)));
        };
        const format::HostPosition here{me_, {cur_, position_}};
        const format::HostPosition there{primary, theirs->position()};
        const auto history = format::compare_histories(here, there, look_up);
        if (history.kind != format::History::split) return false;
        say("err-splitbrain-detected",
            me_ + " and " + primary + " have gone on differently after " +
                (history.last_common ? history.last_common->text() : "a point that is not known any more") +
                "; next: marsadm invalidate " + r_.name() + " on the host whose version is to go");
        return true;
    }

    // --- the primary's side ------------------------------------------------------------------------------------------

    // P1, P2.
    bool wants_device() const {
        if (local_.device_exists && local_.open_count > 0) return true;
        return designated_ && local_.engine == Engine::appending && !local_.is_append_over && r_.size() > 0;
    }

    // P4: appending ends when the device is gone and nobody wants it back, or nobody can use it.
    void decide_appending() {
        if ((!designated_ || local_.is_append_over) && !local_.device_exists) return;
        plan_.work = Work::append;
        if (local_.appending_to) plan_.log = *local_.appending_to;
        decide_rotation();
    }

    // G5: the next own log that is still empty. G3: a new one, when the present one is large enough.
    void decide_rotation() {
        const LogName next{plan_.log.seq + 1, me_};
        const auto there = length_of(next);
        const bool is_full = local_.rotate_at > 0 && length_of(plan_.log).value_or(0) >= local_.rotate_at;
        if (there == std::int64_t(0) || (is_full && !there)) plan_.rotate_to = next;
    }

    // --- sync --------------------------------------------------------------------------------------------------------

    void decide_sync() {
        const auto status = r_.sync_status(me_);
        const std::string primary = r_.primary();
        if (!status || r_.size() <= 0 || *status >= r_.size() || primary.empty() || primary == me_) return;
        if (has_double() || has_hole()) return say("inf-sync", "logs here are not contiguous: sync cannot start");
        const auto preferred = view_.value(r_.key("syncfrom-" + me_));
        if (!preferred.empty() && preferred != primary) return;
        plan_.sync_wanted = true;
        sync_source_ = r_.replay(primary);
        if (!sync_source_ || is_behind(*sync_source_, *replay_))
            return say("inf-sync-start", "waiting until " + primary + " has replayed as far as " + me_);
        if (!r_.todo(me_, "sync")) return;
        const bool replay_first = local_.replay_has_turn && replay_has_work();
        if (replay_first) return;
        plan_.work = Work::sync;
        plan_.source = primary;
        plan_.start = *status;
        plan_.end = r_.size();
    }

    // --- replay ------------------------------------------------------------------------------------------------------

    // How far replay may go: all of the log, but while a sync is pending not beyond what is on the primary's disk
    // (TL-Y1).
    std::int64_t replay_bound() const {
        if (!plan_.sync_wanted) return length_;
        if (!sync_source_ || is_behind(*sync_source_, *replay_)) return position_; // Y8
        return sync_source_->log.seq == cur_.seq ? std::min(length_, sync_source_->pos) : length_;
    }

    bool replay_has_work() const {
        return replay_bound() > position_ && local_.damaged != cur_ && !local_.replay_must_pause;
    }

    void decide_replay() {
        if (plan_.work != Work::nothing || local_.gone_log) return; // records from before what the disk may have
        if (is_log_short() && !local_.is_trusted) return;           // the link would forget what had been acknowledged
        if (length_ < position_ && length_of(cur_) && !is_log_short())
            say("err-replay-stop", cur_.text() + " is shorter (" + std::to_string(length_) +
                                       " bytes) than the position already replayed (" + std::to_string(position_) +
                                       ")");
        if (!replay_has_work() || !r_.todo(me_, "allow-replay")) return;
        plan_.work = Work::replay;
        plan_.log = cur_;
        plan_.start = position_;
        plan_.end = replay_bound();
    }

    // --- stepping to the next log, becoming primary ------------------------------------------------------------------

    bool is_finished() const { return position_ == length_ && local_.damaged != cur_; }

    void decide_next() {
        if (local_.gone_log) return decide_gone(*local_.gone_log);
        if (is_log_short()) {
            if (!local_.is_trusted) return tell_of_short_log();
            if (position_ > length_) { // of the disk, nothing is lost: the next log continues it
                plan_.remove_log = cur_;
                return create_own(LogName{cur_.seq + 1, me_});
            }
        }
        if (!is_finished()) return;
        if (!length_of(cur_) && is_mine(cur_) && designated_ && local_.missing_past.empty()) return create_own(cur_);
        const auto next = logs_numbered(cur_.seq + 1);
        if (!next.empty()) {
            if (may_step(next)) return step_to(next.front());
            if (!(designated_ && is_forced())) return;
        }
        if (designated_) decide_promotion();
    }

    // What this host has acknowledged of its own log, as its version link says.
    std::int64_t acknowledged() const {
        const auto version = is_mine(cur_) ? r_.version(cur_.seq, me_) : std::nullopt;
        return version && version->log == cur_ ? version->length : 0;
    }

    // The designated primary has written more than is left here of the log, and as much as anybody knows of: somebody
    // has removed or cut the log.
    bool is_log_short() {
        const auto wanted = std::max(position_, acknowledged());
        return designated_ && local_.disk_is_open && local_.damaged != cur_ && wanted > length_ &&
               r_.is_consistent(me_) && logs_numbered(cur_.seq + 1).empty() && !somebody_is_ahead(wanted);
    }

    // The disk goes on, if an operator believes in it: from behind the log that has gone. What that held is not known,
    // so that nobody may take it as complete: whoever lacks a byte of it has to copy the disk.
    void decide_gone(const LogName& gone) {
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

    void tell_of_gone_log(const LogName& gone) {
        std::string others;
        for (auto& host : r_.storage_members()) {
            const auto known = host == me_ ? std::nullopt : r_.version(gone.seq, host);
            if (known && known->log == gone && known->length >= acknowledged())
                others += ", or marsadm primary " + r_.name() + " on " + host + ", which has " +
                          std::to_string(known->length) + " bytes of it (" + me_ + " gets a new copy then)";
        }
        say("err-past-missing",
            "of " + gone.text() + ", only " + std::to_string(length_of(gone).value_or(0)) + " bytes are left on " +
                me_ +
                " (looked at when it was first missed), which was writing it when it died: what had been acknowledged "
                "is "
                "not known, and the disk of " +
                me_ + " may hold some of it; next: stop marsd on " + me_ + ", put the log back, and start it again" +
                others + ", or marsadm --force trust-disk " + r_.name() + " on " + me_ +
                ", which goes on with what its disk holds (the other members need an invalidate then)");
    }

    void tell_of_short_log() {
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

    void create_own(const LogName& name) {
        plan_.step_to = name;
        plan_.create_log = true;
    }

    void step_to(const LogName& next) {
        plan_.step_to = next;
        if (is_mine(cur_)) correct_version();
    }

    // P9: what the version link promised before a crash may differ from what is really there.
    void correct_version() {
        auto version = r_.version(cur_.seq, me_);
        if (!version || version->log != cur_ || version->length != length_) plan_.correct_version_to = length_;
    }

    // S1 … S9 and the hold of R4.
    bool may_step(const std::vector<LogName>& next) {
        const LogName& n = next.front();
        if (next.size() > 1 || logs_numbered(cur_.seq).size() > 1) {
            say("err-splitbrain-detected", "two logs with number " + std::to_string(n.seq) + " from different hosts");
            return false;
        }
        if (designated_ && is_mine(cur_) && !is_mine(n) && !is_continued_by(n)) {
            say("inf-log-foreign-denied", "own log " + cur_.text() + " is not continued by " + n.text());
            return false;
        }
        if (!is_mine(cur_) && !origin_agrees()) return false;
        return next_fits(n);
    }

    // Others have been primary since, and their history goes on exactly where the own log ends here: this host has been
    // put back to an older picture, and is designated again. Without both links nothing is proven.
    bool is_continued_by(const LogName& n) const {
        const auto theirs = r_.version(n.seq, n.host);
        const auto mine = r_.version(cur_.seq, me_);
        return theirs && mine && mine->log == cur_ && mine->length == length_ && theirs->prev == mine->head();
    }

    // S4, S7: the old log is here completely.
    bool origin_agrees() {
        const auto mine = r_.version_text(cur_.seq, me_);
        const auto origin = r_.version_text(cur_.seq, cur_.host);
        if (mine.empty() || origin.empty()) {
            say("err-versionlink-not-readable",
                "version link " + std::to_string(cur_.seq) + " of " + (mine.empty() ? me_ : cur_.host) + " is missing");
            return false;
        }
        if (mine != origin) say("inf-versionlink-not-equal", cur_.text() + " is not yet complete here");
        return mine == origin;
    }

    // S6, S9, and R4's hold while the old primary may still finish its log.
    bool next_fits(const LogName& n) {
        const auto theirs = r_.version(n.seq, n.host);
        if (!is_mine(n) && !designated_ && !theirs) {
            say("inf-versionlink-not-yet-exist",
                "version link " + std::to_string(n.seq) + " of " + n.host + " is missing");
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
    void decide_promotion() {
        if (!r_.is_consistent(me_))
            return say("err-replay-stop",
                       "the sync of " + me_ + " has not finished: " + me_ + " cannot become primary");
        if ((!is_forced() || local_.was_put_back) && somebody_is_ahead(length_)) {
            if (is_forced())
                say("err-past-missing",
                    me_ +
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
        if (is_mine(cur_)) correct_version();
        create_own(LogName{cur_.seq + 1, me_});
    }

    // Others have more than `here` bytes of the current log, or later ones. No promotion over records that are known to
    // exist elsewhere, unless forced (`connect` = 0). The tree may know of them before the log has arrived. This is
    // stricter than symlink-tree P7, which trusts the admin tool alone.
    bool somebody_is_ahead(std::int64_t here) {
        if (!is_mine(cur_))
            if (auto origin = r_.version(cur_.seq, cur_.host); origin && origin->log == cur_ && origin->length > here) {
                say("inf-versionlink-not-equal", cur_.host + " has written " + std::to_string(origin->length) +
                                                     " bytes of " + cur_.text() + ", here are only " +
                                                     std::to_string(here));
                return true;
            }
        for (auto& host : r_.storage_members()) {
            if (host == me_) continue;
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

    // --- fetch -------------------------------------------------------------------------------------------------------

    // F2, with one exception to P8: a designated primary that knows of missing records goes on fetching them.
    void decide_fetch() {
        if (local_.gone_log) return; // nothing that comes may pass for what was lost
        if (!r_.todo(me_, "connect") || !r_.sync_status(me_) || local_.device_exists) return;
        const bool is_promoting = designated_ && (plan_.work == Work::append || plan_.step_to);
        if (is_promoting || (designated_ && !somebody_is_ahead(length_))) return;
        fetch_position();
        if (auto conflict = logs_numbered(plan_.fetch_log.seq + 1); conflict.size() > 1) {
            say("err-splitbrain-detected", "two logs with number " + std::to_string(conflict.front().seq));
            return;
        }
        plan_.fetch_from = fetch_sources();
        plan_.fetch = !plan_.fetch_from.empty();
    }

    // Members may have what is damaged here, also of an own log, whose other bytes nobody else may have: it is mended
    // in place. Meanwhile nothing is appended to it.
    void decide_repair() {
        if (!local_.damaged || !local_.may_repair || local_.engine != Engine::off || !r_.todo(me_, "connect")) return;
        plan_.fetch_log = plan_.log = *local_.damaged;
        plan_.start = plan_.log == cur_ ? position_ : 0;
        for (auto& host : fetch_sources())
            if (has_same_history(host, plan_.log)) plan_.fetch_from.push_back(host);
        plan_.repair = !plan_.fetch_from.empty();
    }

    // As far as is known: the version links below the log agree.
    bool has_same_history(const std::string& host, const LogName& log) const {
        const auto mine = r_.version(log.seq, me_);
        const auto theirs = r_.version(log.seq, host);
        return !mine || !theirs || mine->log != log || (theirs->log == log && theirs->prev == mine->prev);
    }

    // Behind the last local log that continues the current one without a gap. A log with a successor can still be
    // short: its source may have lost it (by invalidate, log-delete) while it was sending.
    void fetch_position() {
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
    void ask_for_next() {
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
    std::vector<std::string> fetch_sources() const {
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

    const tree::View& view_;
    ResourceView r_;
    const Local& local_;
    const std::string& me_;
    Plan plan_;
    bool active_ = false;
    bool may_attach_ = false;
    bool designated_ = false;
    std::optional<format::ReplayLink> replay_;
    std::optional<format::ReplayLink> sync_source_;
    LogName cur_;
    std::int64_t position_ = 0;
    std::int64_t length_ = 0;
};

} // namespace

Plan decide(const tree::View& view, const std::string& resource, const Local& local) {
    auto plan = Decision(view, resource, local).make();
    if (plan.work != Work::sync || local.engine != Engine::syncing || !local.sync_had_turn) return plan;
    auto without_sync = local;
    without_sync.engine = Engine::off;
    without_sync.replay_has_turn = true;
    auto instead = Decision(view, resource, without_sync).make();
    instead.is_replays_turn = instead.work == Work::replay;
    return instead.is_replays_turn ? instead : plan;
}

} // namespace mars::resource
