// SPDX-License-Identifier: GPL-2.0-or-later
// Decision: one run of decide(), and what it finds on its way. Only decide*.cpp know it: decide.cpp what is where, the
// primary's side, sync and replay; decide_next.cpp the next log and becoming primary; decide_fetch.cpp what comes from
// other members.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernel/format/split_brain.hpp"
#include "kernel/resource/decide.hpp"
#include "kernel/resource/resource_view.hpp"

namespace mars::resource {

class Decision {
  public:
    Decision(const tree::View& view, const std::string& resource, const Local& local);

    Plan make();

  private:
    // facts
    void find_position();
    std::optional<std::int64_t> continued_at() const;
    std::optional<std::int64_t> length_of(const LogName& name) const;
    std::vector<LogName> logs_numbered(std::int64_t number) const;
    bool is_mine(const LogName& name) const { return name.host == me_; }
    bool is_forced() const { return !r_.todo(me_, "connect"); }
    // In a forced switch, what is here of another host's log is all there will ever be.
    bool gives_up_rest() const { return designated_ && is_forced() && !is_mine(cur_); }
    void say(const std::string& key, std::string text) { plan_.messages.emplace(key, std::move(text)); }
    bool has_hole() const;
    bool has_double() const { return logs_numbered(cur_.seq).size() > 1 || logs_numbered(cur_.seq + 1).size() > 1; }
    bool is_split();

    // the primary's side
    bool wants_device() const;
    void decide_appending();
    void decide_rotation();

    // sync
    void decide_sync();

    // replay
    std::int64_t replay_bound() const;
    bool replay_has_work() const;
    void decide_replay();

    // stepping to the next log, becoming primary
    bool is_finished() const { return position_ == length_ && is_usable(); }
    bool is_usable() const { return local_.damaged != cur_ || gives_up_rest(); }
    bool leave_empty_log();
    void decide_next();
    std::int64_t acknowledged() const;
    bool is_log_short();
    void decide_gone(const LogName& gone);
    void tell_of_gone_log(const LogName& gone);
    void tell_of_short_log();
    void create_own(const LogName& name);
    void step_to(const LogName& next);
    void correct_version();
    bool may_step(const std::vector<LogName>& next);
    bool is_continued_by(const LogName& n) const;
    bool origin_agrees(const LogName& n);
    bool is_complete_before(const LogName& n);
    bool next_fits(const LogName& n);
    void decide_promotion();
    bool is_other_history(const std::string& host) const;
    format::HistoryResult compare_with(const std::string& host, const format::LogPosition& there) const;
    bool somebody_is_ahead(std::int64_t here);

    // fetch
    void decide_fetch();
    void decide_repair();
    bool has_same_history(const std::string& host, const LogName& log) const;
    void fetch_position();
    void ask_for_next();
    std::vector<std::string> fetch_sources() const;

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

} // namespace mars::resource
