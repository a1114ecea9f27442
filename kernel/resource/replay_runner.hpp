// SPDX-License-Identifier: GPL-2.0-or-later
// ReplayRunner: this host applies a log to its disk, from one position to another; remembers how the last run ended.
// Owns: the ReplayEngine. Spec: symlink-tree 4.5, transaction-log 8.
#pragma once

#include <optional>
#include <string>

#include "kernel/resource/log_health.hpp"
#include "kernel/resource/replay_engine.hpp"
#include "kernel/resource/runner.hpp"

namespace mars::resource {

class ReplayRunner final : public Runner {
  public:
    ReplayRunner(Context& context, LogHealth& health)
        : Runner(context), health_(health), engine_(context.host.env, context.signal) {}

    Engine kind() const override { return Engine::replaying; }
    bool is_running() const override { return engine_.is_running(); }
    void observe(Local& local) override;
    bool is_wanted(const Plan& plan) const override { return plan.work == Work::replay && plan.log == engine_.log(); }
    env::task<bool> stop(const Plan& plan) override;
    env::task<bool> advance(const Plan& plan, std::shared_ptr<block::Disk> disk) override;
    bool has_ended() const override { return engine_.has_ended(); }
    env::task<void> take_outcome() override;
    env::task<result<bool>> publish() override;
    void add_facts(Facts& facts) override;

  private:
    // Where the last run found a part of a record only, as is usual when a line breaks.
    struct Torn {
        LogName log;
        std::int64_t begin = 0;
        std::int64_t end = 0;   // of what was there
        std::uint64_t cuts = 0; // of the log until then
    };
    void note_newest();
    bool is_torn(const Plan& plan) const;
    bool is_again(const Plan& plan) const;
    bool must_pause() const;
    bool shall_wait_for_more(const Plan& plan) const;

    LogHealth& health_;
    ReplayEngine engine_;
    Duration ended_at_{};
    std::optional<Torn> torn_;
    std::optional<format::LogPosition> reached_; // by the last run
    std::optional<Stamp> newest_;                // of the writes on the disk
};

} // namespace mars::resource
