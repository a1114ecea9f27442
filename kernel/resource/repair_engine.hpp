// SPDX-License-Identifier: GPL-2.0-or-later
// RepairEngine: has a damaged log of one resource mended, from the first source that can; tries again after a while
// when none could. Owns: the task that does it. Runs on: the host's executor. Spec: transaction-log 8.5, symlink-tree
// F7.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kernel/block/log_repair.hpp"
#include "kernel/env/task_group.hpp"
#include "kernel/resource/fetch_engine.hpp"
#include "kernel/resource/log_store.hpp"
#include "kernel/resource/signal.hpp"

namespace mars::resource {

class RepairEngine {
  public:
    RepairEngine(env::Env& env, std::string resource, LogStore& logs, Signal& signal, std::uint16_t port)
        : env_(env), resource_(std::move(resource)), logs_(logs), signal_(signal), port_(port), tasks_(env) {}

    // Mends `log`, which is right below `from`. Only when none is running.
    void start(LogName log, std::int64_t from, std::vector<FetchWish::Source> sources, std::string uuid);
    // Nothing writes to the log when this returns.
    env::task<void> stop();

    bool is_running() const { return is_running_; }
    // Running, or due: time enough has passed since nobody could help.
    bool is_wanted() const { return is_running_ || wait() <= Duration{}; }
    // Until it is due.
    Duration wait() const;
    // Once after each round of asking, whatever came of it: the log is to be looked at again.
    bool take_end() { return std::exchange(has_ended_, false); }
    // The host has said what it has of the log since forget().
    bool has_asked(const std::string& host) const { return asked_.contains(host); }
    // Why the log is not whole yet: each source with what it lacks; empty: nobody was asked.
    const std::string& trouble() const { return trouble_; }
    // Another log is damaged, or none: nothing that was found out counts any more.
    void forget();

  private:
    env::task<void> run(LogName log, std::int64_t from, std::vector<FetchWish::Source> sources, std::string uuid);

    env::Env& env_;
    std::string resource_;
    LogStore& logs_;
    Signal& signal_;
    std::uint16_t port_;
    bool is_running_ = false;
    bool has_ended_ = false;
    std::set<std::string> asked_;
    std::optional<Duration> failed_at_;
    std::string trouble_;
    env::TaskGroup tasks_;
};

} // namespace mars::resource
