// SPDX-License-Identifier: GPL-2.0-or-later
// ThreadedReads: reads many directories by a thread of its own, for somebody who goes through them in the same order,
// and who reads those himself that he reaches first. Tests: tests/unit/env/threaded_reads_test.cpp.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "kernel/env/storage.hpp"

namespace mars::env {

class ThreadedReads final : public ReadAhead {
  public:
    // `storage` must outlive it; its reading functions are called by two threads.
    ThreadedReads(const Storage& storage, std::vector<std::string> directories, ReadPattern pattern);
    ~ThreadedReads() override;
    ThreadedReads(const ThreadedReads&) = delete;
    ThreadedReads& operator=(const ThreadedReads&) = delete;

    std::optional<ReadResults> take(std::size_t number) override;

  private:
    struct Entry {
        enum class State { open, busy, done, taken } state = State::open;
        std::optional<ReadResults> results = std::nullopt;
    };
    void work();
    ReadResults read(const std::string& directory) const;

    const Storage& storage_;
    const std::vector<std::string> directories_;
    const ReadPattern pattern_;
    std::mutex mutex_;
    std::condition_variable progress_;
    std::vector<Entry> entries_; // one for each directory
    bool stop_ = false;
    std::thread worker_; // last: it uses all of the above
};

} // namespace mars::env
