// SPDX-License-Identifier: GPL-2.0-or-later
// LogStore: which logfiles of one resource are on this host, and how much of each is durable. It is what the controller
// decides with, what peers may fetch, and what the fetcher reports to.
// Runs on: the host's executor. Owns: nothing but knowledge; the files belong to their writers.
// Guarantees: a length never includes bytes that a crash could take back (transaction-log TL-W8).
// Tests: tests/unit/resource/log_store_test.cpp.
#pragma once

#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "kernel/block/log_fetch_client.hpp"
#include "kernel/block/log_fetch_server.hpp"
#include "kernel/env/env.hpp"
#include "kernel/resource/decide.hpp"

namespace mars::resource {

class LogStore final : public block::LogSource, public block::FetchObserver {
  public:
    // What the cluster knows of the length of a log that has a successor.
    using FinalLength = std::function<std::optional<std::int64_t>(const LogName&)>;

    // `directory`: absolute path of the resource's directory.
    LogStore(env::Env& env, std::string directory, std::string me, FinalLength final_length);

    // Takes notice of logs that others have made or removed. Content found in a log that is new here is synced first.
    // Cheap when no name has changed. Errors: those of the filesystem; what could be read is taken.
    env::task<result<void>> refresh();
    // Names may have changed since the last refresh().
    void expect_changes() { may_have_changed_ = true; }
    bool take_changes() { return std::exchange(may_have_changed_, false); }
    // Cuts `log` to `length`, durably: what is behind was never promised to anybody.
    env::task<result<void>> cut(LogName log, std::int64_t length);

    // What is behind `length` is damaged: peers do not get it before serve_again().
    void hide_behind(const LogName& log, std::int64_t length);
    void serve_again(const LogName& log);
    // Takes notice of the length of a log that has been mended.
    env::task<result<void>> measure(LogName log);
    // How often something was cut off.
    std::uint64_t cuts(const LogName& log) const;

    // The own logs of which more may become durable. All other own logs are complete.
    void set_growing(std::set<LogName> logs);
    std::vector<LocalLog> local() const;
    std::optional<std::int64_t> length(const LogName& name) const;
    // The cluster knows that `name` is longer than what is here.
    bool is_short(const LogName& name) const;
    std::string path(const LogName& name) const { return directory_ + "/" + name.text(); }
    const std::string& directory() const { return directory_; }

    // LogSource
    std::vector<block::LogState> logs() const override;
    env::Event& changed() override { return changed_; }
    // Since the last call, more has happened than that a log became longer.
    bool take_more_than_growth() { return std::exchange(is_more_than_growth_, false); }
    env::task<result<std::unique_ptr<env::File>>> open(LogName name) override;

    // FetchObserver; also told by the own logger.
    void log_grew(const LogName& name, std::uint64_t durable_length) override;
    void log_complete(const LogName& name, std::uint64_t length) override;

  private:
    struct Known {
        std::int64_t length = 0;
        bool complete = false;
        std::uint64_t cuts = 0;
        std::int64_t served = std::numeric_limits<std::int64_t>::max(); // to peers, at most
    };
    env::task<result<std::int64_t>> durable_length(LogName name);
    bool is_complete(const LogName& name, const Known& known) const;
    void tell();

    env::Env& env_;
    std::string directory_;
    std::string me_;
    FinalLength final_length_;
    std::map<LogName, Known> known_;
    std::set<LogName> growing_;
    bool may_have_changed_ = true;
    bool is_more_than_growth_ = false;
    env::Event changed_;
};

} // namespace mars::resource
