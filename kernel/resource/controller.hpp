// SPDX-License-Identifier: GPL-2.0-or-later
// Controller: works on one resource of this host: asks decide() what shall be, moves one step towards it, publishes
// what is, and looks again whenever something has changed. All steps may be interrupted by a crash at any time; the
// next start finds everything it needs in the tree, the logs and the disk. What runs are Runners, what is told is
// Publication; here is only their order. Runs on: the host's executor, one loop. Owns: all parts of this resource.
// Spec: symlink-tree 4. Tests: tests/unit/cluster, tests/sim, tests/e2e.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "kernel/env/task_group.hpp"
#include "kernel/resource/append_runner.hpp"
#include "kernel/resource/fetch_runner.hpp"
#include "kernel/resource/log_steps.hpp"
#include "kernel/resource/messages.hpp"
#include "kernel/resource/replay_runner.hpp"
#include "kernel/resource/role_agreement.hpp"
#include "kernel/resource/sync_runner.hpp"

namespace mars::resource {

class Controller {
  public:
    Controller(Host& host, std::string resource);
    ~Controller();

    void start();
    // Brings everything to rest: no new primary, sync, fetch or replay; waits until the device is closed by its users.
    void shut_down();
    // Everything is off: the controller may be destroyed (after stop()).
    bool is_at_rest() const;
    // Ends the loop. Only at rest, or when the whole daemon is given up.
    env::task<void> stop();

    // Publishes positions and the state of the resource as they are now. `is_asked`: a host waits for news.
    env::task<void> tell(bool is_asked);
    // Publishes how far the logger, replay or sync are now, and the rates. Must have happened before the heartbeat says
    // "alive" (M9). False: /mars takes nothing.
    env::task<bool> publish_positions();
    // Which version of `primary` is durable here, also while a disk or a log holds everything else up.
    env::task<void> tell_role();

    // `host` has connected anew: it may have left the sessions of this resource behind.
    void ask_for_sign(const std::string& host) { fetch_.ask_for_sign(host); }

    // What peers may fetch; nullptr until the local logs have been examined.
    std::shared_ptr<LogStore> logs() const { return is_recovered_ ? logs_ : nullptr; }
    // The disk that peers may sync from; nullptr unless this host is primary and appends.
    std::shared_ptr<DiskSource> sync_source() const { return append_.source(); }
    const std::string& resource() const { return view_.name(); }
    // What the write path has done since the resource became primary here, in one line; times are sums in µs. Empty on
    // a secondary.
    std::string write_counters() const;
    // What keeps an orderly shutdown waiting; empty when nothing does.
    std::string busy_with() const;

  private:
    env::task<void> run();
    env::task<void> pause();
    env::task<bool> round();
    env::task<bool> recover();
    void subscribe();
    void hear(bool is_progress);
    Duration some_of(Duration most) const;
    bool is_being_copied() const;
    Local observe();

    // Steps of a round, in this order; true: something was done, decide again.
    env::task<bool> act(const Plan& plan);
    env::task<bool> stop_unwanted(const Plan& plan);
    env::task<bool> close_disk(const Plan& plan);
    env::task<bool> work_on_disk(const Plan& plan);
    Runner* on_disk() const;

    Facts facts();
    void publish_state(const Plan& plan);

    Host& host_;
    ResourceView view_;
    Signal signal_;
    env::Event changed_;
    tree::Subscription resource_news_, host_news_;
    int steps_ = 0;         // without a pause
    bool is_quiet_ = false; // the last one had nothing to say
    int quiet_rounds_ = 0;  // without any news
    Duration logs_listed_at_{};
    std::uint64_t zero_version_sought_ = 0; // in this version of the resource's directory
    std::shared_ptr<LogStore> logs_;
    Positions positions_;
    env::QuietLog quiet_;
    Round round_;
    Context context_; // of all that follow
    Publication publication_;
    Messages messages_;

    AppendNote append_note_;
    AttachedDisk disk_;
    RoleAgreement role_;
    RepairEngine repair_engine_;
    LogHealth health_;
    ReplayRunner replay_;
    SyncRunner sync_;
    RepairRunner repair_;
    FetchRunner fetch_;
    AppendRunner append_;
    LogSteps log_steps_;
    const std::array<Runner*, 3> disk_runners_{&append_, &replay_, &sync_}; // at most one of them runs
    const std::array<Runner*, 2> log_runners_{&repair_, &fetch_};
    const std::array<Runner*, 5> runners_{&replay_, &sync_, &repair_, &fetch_, &append_}; // as they are ended

    Duration recover_again_at_{}; // after a failure
    bool is_recovered_ = false;
    bool is_starting_ = false; // to become primary
    env::TaskGroup tasks_;
};

} // namespace mars::resource
