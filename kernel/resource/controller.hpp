// SPDX-License-Identifier: GPL-2.0-or-later
// Controller: works on one resource of this host: asks decide() what shall be, moves one step towards it, publishes
// what is, and looks again whenever something has changed. All steps may be interrupted by a crash at any time; the
// next start finds everything it needs in the tree, the logs and the disk. Runs on: the host's executor, one loop.
// Owns: the disk, the log engines, the device of this resource. Spec: symlink-tree 4. Tests: tests/sim, tests/e2e.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "kernel/block/disk.hpp"
#include "kernel/block/disk_witness.hpp"
#include "kernel/env/quiet_log.hpp"
#include "kernel/env/task_group.hpp"
#include "kernel/resource/append_engine.hpp"
#include "kernel/resource/decide.hpp"
#include "kernel/resource/disk_source.hpp"
#include "kernel/resource/fetch_engine.hpp"
#include "kernel/resource/host.hpp"
#include "kernel/resource/log_store.hpp"
#include "kernel/resource/messages.hpp"
#include "kernel/resource/positions.hpp"
#include "kernel/resource/repair_engine.hpp"
#include "kernel/resource/replay_engine.hpp"
#include "kernel/resource/resource_view.hpp"
#include "kernel/resource/role_note.hpp"
#include "kernel/resource/signal.hpp"
#include "kernel/resource/sync_engine.hpp"
#include "kernel/resource/written_mark.hpp"

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

    // Publishes positions and the state of the resource as they are now.
    env::task<void> tell();
    // Publishes how far the logger, replay or sync are now, and the rates. Must have happened before the heartbeat says
    // "alive" (M9). False: /mars takes nothing.
    env::task<bool> publish_positions();
    // Which version of `primary` is durable here, also while a disk or a log holds everything else up.
    env::task<void> tell_role();

    // What peers may fetch; nullptr until the local logs have been examined.
    std::shared_ptr<LogStore> logs() const { return is_recovered_ ? logs_ : nullptr; }
    // The disk that peers may sync from; nullptr unless this host is primary and appends.
    std::shared_ptr<DiskSource> sync_source() const { return source_; }
    const std::string& resource() const { return view_.name(); }
    // What the write path has done since the resource became primary here, in one line; times are sums in µs. Empty on
    // a secondary.
    std::string write_counters() const;
    // What keeps an orderly shutdown waiting; empty when nothing does.
    std::string busy_with() const;

  private:
    static constexpr Duration kReplayRetry = std::chrono::seconds(10); // after an I/O error of a disk or a log

    env::task<void> run();
    env::task<bool> round();
    void subscribe();
    bool shall_wait_for_more(const Plan& plan);
    Local observe();

    // Steps of a round, in this order; true: something was done, decide again.
    env::task<bool> act(const Plan& plan);
    env::task<bool> open_disk(const Plan& plan);
    env::task<bool> stop_unwanted(const Plan& plan);
    env::task<bool> close_device(const Plan& plan);
    env::task<bool> end_appending();
    env::task<bool> start_work(const Plan& plan);
    env::task<void> look_after_device();
    env::task<bool> make_step(const Plan& plan);
    env::task<bool> rotate(const Plan& plan);
    void steer_fetch(const Plan& plan);
    std::vector<FetchWish::Source> sources_of(const Plan& plan) const;
    env::task<bool> close_disk(const Plan& plan);

    // controller_recovery.cpp
    env::task<result<void>> recover_logs();
    env::task<result<void>> examine(LogName log, bool is_recovery);
    std::int64_t applied_of(const LogName& log) const;
    result<void> replace_zero_version();
    env::task<bool> note_appending(std::string logs);
    void forget_appending();
    std::optional<LogName> gone_log() const;

    // controller_proof.cpp
    env::task<bool> is_proven(std::shared_ptr<block::Disk> disk);
    env::task<void> renew_witness(bool at_once);
    block::WitnessQuestion witness_question(std::optional<format::LogPosition> position = std::nullopt) const;
    std::string local_key(std::string_view name) const {
        return view_.key("local-" + host_.me() + "/" + std::string(name));
    }
    bool is_synced() const;
    void note_held_disk();
    bool start_unsynced(const std::string& why);
    bool refuse_disk(const std::string& why);
    std::string missing_past();
    void withdraw_trust();
    bool had_written_more() const;
    format::LogPosition end_here() const;
    std::string older_picture() const;
    env::task<void> note_written(format::LogPosition at, bool even_less);
    void warn_of_silence(const LogName& log);

    env::task<void> take_replay_end();
    void note_damage(const LogName& log, std::int64_t good_up_to, ReplayOutcome why);
    void forget_damage();
    env::task<result<void>> end_damage(LogName log);
    env::task<void> settle_damage();
    std::int64_t promised_of(const LogName& log) const;
    bool has_asked_all() const;
    env::task<bool> steer_repair(const Plan& plan);
    bool replay_must_pause();
    env::task<bool> end_sync();
    bool sync_turn_is_over(const Plan& plan);
    bool is_alive(const std::string& host) const;
    std::int64_t rotation_limit() const;
    void say(const char* key, std::string text) { said_[key] = std::move(text); }

    // controller_publish.cpp
    env::task<void> note_primary();
    bool is_stopped(const std::string& host) const;
    bool has_said_goodbye(const std::string& host) const;
    std::string unaware_members();
    void publish_state(const Plan& plan);
    void publish_switches();
    void publish_rates();
    void publish_messages(const Plan& plan);
    std::string replay_trouble() const;
    std::string hanging_text() const;
    void publish(std::string_view key, std::string_view value);
    void beat(std::string_view key, std::string_view value);

    Host& host_;
    ResourceView view_;
    std::string actual_; // "resource-RES/actual-ME"
    Signal signal_;
    env::Event changed_;
    tree::Subscription resource_news_, host_news_;
    bool logs_are_stale_ = true;
    Duration next_look_{}; // of the loop, if nothing happens before
    int steps_ = 0;        // without a pause
    std::shared_ptr<LogStore> logs_;
    Positions positions_;
    Messages messages_;
    env::QuietLog quiet_;

    std::shared_ptr<block::Disk> disk_;
    std::shared_ptr<DiskSource> source_; // while this host is primary
    AppendEngine append_;
    ReplayEngine replay_;
    SyncEngine sync_;
    FetchEngine fetch_;
    RepairEngine repair_;

    bool shutting_down_ = false;
    bool is_recovered_ = false;
    int disk_error_ = 0;
    std::string disk_wish_; // what was known when the disk was looked at last; empty: look at once
    Duration disk_tried_at_{};
    std::string disk_doubt_;                    // why the disk is not believed in; empty: it is
    std::optional<block::DiskWitness> witness_; // of the disk that is attached
    WrittenMark mark_;
    std::optional<Written> written_; // what the mark said at the attach, until this host has come as far again
    std::optional<LogName> gone_;    // the first log that was being written at a crash, and is not all here
    ReplayOutcome last_replay_;
    std::string last_error_; // of a replay, as it was logged
    struct Damage {
        LogName log;
        std::int64_t good_up_to = 0;
        std::uint64_t cuts = 0; // of the log, until it was noted
    };
    std::optional<Damage> damage_;
    Duration examined_at_{};
    std::string sync_source_host_;
    bool replay_has_turn_ = false;
    Duration device_seen_at_{};
    std::string device_trouble_; // what is in the way of the device's node
    Duration replay_ended_at_{};
    std::optional<Stamp> sync_end_; // the question to the primary after the copy was complete
    RoleNote role_note_;
    std::optional<Stamp> role_asked_; // the question to those that know that this host is to be primary
    bool is_starting_ = false;        // to become primary
    Duration last_beat_{-1};
    std::map<std::string, std::string> said_; // messages of this round beside the plan's
    env::TaskGroup tasks_;
};

} // namespace mars::resource
