// SPDX-License-Identifier: GPL-2.0-or-later
// Questions: news on demand. A host (its marsd, or a marsadm on it) asks by touching `actual-ME/ask`; every other marsd
// answers with `actual-OTHER/answer-ME`, which holds the stamp of the question that it has seen. The answer comes after
// the answering host has told, and made durable, what it knew after it had seen the question, and arrives after all
// that (it is a barrier of the exchange, M9). So it proves what a heartbeat, whose stamp may be older or just ahead,
// cannot. Runs on: the host's executor. Tests: tests/unit/resource/questions_test.cpp.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "kernel/env/quiet_log.hpp"
#include "kernel/env/task_group.hpp"
#include "kernel/resource/signal.hpp"
#include "kernel/tree/tree.hpp"

namespace mars::resource {

class Questions {
  public:
    Questions(env::Env& env, tree::Tree& tree);

    // `tell` publishes all that this host knows now. Begins to answer.
    void start(std::function<env::task<void>()> tell);
    env::task<void> stop();

    // Asks all hosts; the answers to it have at least this stamp.
    result<Stamp> ask();
    // `host` has answered a question of this host that was asked at `since` or later.
    bool has_answered(const std::string& host, Stamp since) const;
    // A marsadm on this host waits for news.
    bool is_asked_here(Duration within) const;

  private:
    env::task<void> answer_all();
    env::task<void> try_again();

    env::Env& env_;
    tree::Tree& tree_;
    std::string me_;
    std::function<env::task<void>()> tell_;
    env::QuietLog quiet_;
    Signal asked_;
    Duration asked_here_{-1};               // steady; negative: never
    std::map<std::string, Stamp> answered_; // questions of other hosts
    tree::Subscription subscription_;
    env::TaskGroup tasks_;
};

} // namespace mars::resource
