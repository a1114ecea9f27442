// SPDX-License-Identifier: GPL-2.0-or-later
// SyncRounds: syncs of one filesystem, of which one makes durable what many have asked for: who asks while one is under
// way waits for the next one, together with all others that do. When a line comes back, a thousand resources open their
// logs; each syncfs() writes out all that is dirty below /mars.
// Runs on: the host's executor. Tests: tests/unit/env/sync_rounds_test.cpp.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "kernel/base/result.hpp"
#include "kernel/env/event.hpp"
#include "kernel/env/task.hpp"

namespace mars::env {

class SyncRounds {
  public:
    // Syncs the filesystem on which the path is. Cannot be cancelled.
    using Sync = std::function<task<result<void>>(std::string path)>;

    SyncRounds(ParkingLot& lot, Sync sync) : sync_(std::move(sync)), ended_(lot) {}

    // The result of a sync that has begun after this call. A path that is not there is only its caller's failure.
    task<result<void>> run(std::string path) {
        auto mine = next();
        while (!mine->ended) {
            if (mine->later) {
                mine = mine->later;
            } else if (is_running_) {
                co_await ended_.wait();
            } else {
                const auto round = std::exchange(next_, nullptr); // `mine`: an earlier one has ended
                is_running_ = true;
                auto done = co_await sync_(path);
                is_running_ = false;
                const bool has_begun = done || !done.error().is(std::errc::no_such_file_or_directory);
                if (has_begun)
                    round->ended = done;
                else
                    round->later = next();
                ended_.notify();
                co_return done;
            }
        }
        co_return *mine->ended;
    }

  private:
    struct Round {
        std::optional<result<void>> ended;
        std::shared_ptr<Round> later; // it has not begun: that one is for its callers, too
    };

    std::shared_ptr<Round> next() {
        if (!next_) next_ = std::make_shared<Round>();
        return next_;
    }

    Sync sync_;
    Event ended_;
    std::shared_ptr<Round> next_; // has not begun
    bool is_running_ = false;
};

} // namespace mars::env
