// SPDX-License-Identifier: GPL-2.0-or-later
// SyncRunner: this host copies the primary's disk, in turns with replay, and tells the end only when the primary has
// answered. Owns: the SyncEngine. Spec: symlink-tree 4.6 (Y2, Y6, Y9), transaction-log 13.5.
#pragma once

#include <optional>
#include <string>

#include "kernel/resource/attached_disk.hpp"
#include "kernel/resource/runner.hpp"
#include "kernel/resource/sync_engine.hpp"

namespace mars::resource {

class SyncRunner final : public Runner {
  public:
    SyncRunner(Context& context, AttachedDisk& disk)
        : Runner(context), disk_(disk), engine_(context.host, context.view.name(), context.signal) {}

    Engine kind() const override { return Engine::syncing; }
    bool is_running() const override { return engine_.is_running(); }
    void observe(Local& local) override;
    bool is_wanted(const Plan& plan) const override {
        return plan.work == Work::sync && plan.source == engine_.source_host();
    }
    env::task<bool> stop(const Plan& plan) override;
    env::task<bool> advance(const Plan& plan, std::shared_ptr<block::Disk> disk) override;
    env::task<result<bool>> publish() override;
    void add_facts(Facts& facts) override;
    void add_messages(std::map<std::string, std::string>& messages) const override;

    // Everything is copied; the end is not told yet.
    bool is_complete() const { return engine_.is_complete(); }
    // Y6: tells the end, when the primary has answered a question that was asked after it. True: it is told.
    env::task<bool> tell_end();
    // A copy whose end has not been told is compared again: whoever detaches may put another disk in, or invalidate.
    void forget();

    // Replay has run since the copy gave way to it.
    void end_replays_turn() { replay_has_turn_ = false; }

  private:
    bool has_had_turn() const;

    AttachedDisk& disk_;
    SyncEngine engine_;
    std::string source_host_;
    std::optional<Stamp> asked_;   // the question to the primary after the copy was complete
    bool replay_has_turn_ = false; // the copy gave way to replay, which has not run since
};

} // namespace mars::resource
