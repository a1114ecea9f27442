// SPDX-License-Identifier: GPL-2.0-or-later
// FetchEngine: keeps one LogFetcher of a resource going: chooses the peer, starts it again after failures with a
// growing pause, and remembers what to tell the operator. The controller says what is wanted each round; a running
// fetch goes on as long as its peer is among the wanted ones. Spec: symlink-tree 4.7 (F1, F6, F7, F9). Runs on: the
// host's executor. Owns: at most one LogFetcher and its task.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kernel/block/log_fetch_client.hpp"
#include "kernel/env/task_group.hpp"
#include "kernel/resource/log_store.hpp"

namespace mars::resource {

struct FetchWish {
    struct Source {
        std::string host, address;
        bool operator==(const Source&) const = default;
    };
    std::vector<Source> sources; // the first is preferred
    std::string uuid;
    LogName log;
    std::int64_t verified = 0;          // everything below is replayed, so it is right
    bool goes_back = false;             // a fetch that is behind `log` already must come back to it
    std::set<std::string> without_more; // sources that have told to have no more than is here
    bool is_more_told = false;          // the preferred source has told that it has more than is here
};

class FetchEngine {
  public:
    // `changed` is notified when a fetch has begun or ended.
    FetchEngine(env::Env& env, std::string resource, LogStore& logs, env::Event& changed, std::uint16_t port);

    // Fetch like this from now on. A fetch that runs already is not disturbed if its source is still wanted.
    void want(FetchWish wish);
    // `host` may have left its session behind.
    void ask_for_sign(const std::string& host);
    // Ends fetching; nothing runs when this returns.
    env::task<void> stop();

    bool is_running() const { return tasks_.live() > 0; }
    bool is_connected() const { return fetcher_ && fetcher_->is_connected(); }
    // Why it does not get on with the preferred source; empty when it does.
    std::string trouble() const;
    // Two hosts have written logs with the same number.
    bool has_conflict() const { return has_conflict_; }
    // The log that is needed next is here in part only, and all sources have said that they do not have it, or no more
    // of it.
    bool is_hopeless() const;
    const LogName& log() const { return wish_.log; }
    // KiB made durable per second, and batches.
    block::Limiter& rate() { return rate_; }

  private:
    env::task<void> run();
    env::task<bool> fetch_once(std::size_t index);
    env::task<void> second_choice_turn();
    env::task<void> short_copy_at_source();
    void judge(const result<block::FetchEnd>& end);

    env::Env& env_;
    std::string resource_;
    LogStore& logs_;
    env::Event& changed_;
    std::uint16_t port_;
    FetchWish wish_;
    std::string current_host_;
    std::unique_ptr<block::LogFetcher> fetcher_;
    env::TaskGroup tasks_;
    env::Event wish_changed_;
    env::Event wished_; // again, perhaps something else
    block::Limiter rate_;
    std::string trouble_;
    bool has_conflict_ = false;
    std::set<std::string> without_log_; // sources that do not have wish_.log
};

} // namespace mars::resource
