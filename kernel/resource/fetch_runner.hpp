// SPDX-License-Identifier: GPL-2.0-or-later
// FetchRunner, RepairRunner: this host gets logs, or what is damaged in one, from other members. Of the two at most one
// runs. Own: the FetchEngine, the RepairEngine. Spec: symlink-tree 4.7 (F1 … F9), transaction-log 8.5.
#pragma once

#include "kernel/resource/fetch_engine.hpp"
#include "kernel/resource/log_health.hpp"
#include "kernel/resource/repair_engine.hpp"
#include "kernel/resource/runner.hpp"

namespace mars::resource {

class FetchRunner final : public Runner {
  public:
    // `changed` is notified when a fetch has begun or ended.
    FetchRunner(Context& context, env::Event& changed)
        : Runner(context),
          engine_(context.host.env, context.view.name(), context.logs, changed, context.host.tunables.log_port) {}

    bool is_running() const override { return engine_.is_running(); }
    void observe(Local&) override {}
    bool is_wanted(const Plan& plan) const override { return plan.fetch; }
    env::task<bool> stop(const Plan& plan) override;
    env::task<bool> advance(const Plan& plan, std::shared_ptr<block::Disk> disk) override;
    void add_facts(Facts& facts) override;
    void add_messages(std::map<std::string, std::string>& messages) const override;
    // `host` may have left its session behind.
    void ask_for_sign(const std::string& host) { engine_.ask_for_sign(host); }

  private:
    FetchEngine engine_;
};

class RepairRunner final : public Runner {
  public:
    RepairRunner(Context& context, LogHealth& health, RepairEngine& engine)
        : Runner(context), health_(health), engine_(engine) {}

    bool is_running() const override { return engine_.is_running(); }
    void observe(Local& local) override;
    bool is_wanted(const Plan& plan) const override { return plan.repair; }
    env::task<bool> stop(const Plan& plan) override;
    env::task<bool> advance(const Plan& plan, std::shared_ptr<block::Disk> disk) override;
    void add_facts(Facts&) override {}
    void add_messages(std::map<std::string, std::string>& messages) const override;

  private:
    LogHealth& health_;
    RepairEngine& engine_;
};

} // namespace mars::resource
