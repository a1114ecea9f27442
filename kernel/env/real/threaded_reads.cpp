// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/env/real/threaded_reads.hpp"

#include <system_error>

namespace mars::env {

ThreadedReads::ThreadedReads(const Storage& storage, std::vector<std::string> directories, ReadPattern pattern)
    : storage_(storage), directories_(std::move(directories)), pattern_(std::move(pattern)),
      entries_(directories_.size()) {
    try {
        worker_ = std::thread([this] { work(); });
    } catch (const std::system_error&) { // no more threads: the caller reads everything
    }
}

ThreadedReads::~ThreadedReads() {
    {
        std::scoped_lock lock(mutex_);
        stop_ = true;
    }
    if (worker_.joinable()) worker_.join();
}

std::optional<ReadResults> ThreadedReads::take(std::size_t number) {
    std::unique_lock lock(mutex_);
    if (number >= entries_.size()) return std::nullopt;
    auto& entry = entries_[number];
    progress_.wait(lock, [&] { return entry.state != Entry::State::busy; });
    entry.state = Entry::State::taken;
    return std::exchange(entry.results, std::nullopt);
}

ReadResults ThreadedReads::read(const std::string& directory) const {
    auto whole = [&](const std::string& path) { return path.empty() ? directory : directory + "/" + path; };
    ReadResults results;
    results.directories.reserve(pattern_.directories.size());
    results.links.reserve(pattern_.links.size());
    results.statuses.reserve(pattern_.statuses.size());
    for (const auto& path : pattern_.directories) results.directories.push_back(storage_.scan(whole(path)));
    for (const auto& path : pattern_.links) results.links.push_back(storage_.symlink_value(whole(path)));
    for (const auto& path : pattern_.statuses) results.statuses.push_back(storage_.status(whole(path)));
    return results;
}

void ThreadedReads::work() {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        std::unique_lock lock(mutex_);
        if (stop_) return;
        if (entries_[i].state != Entry::State::open) continue; // the caller was quicker
        entries_[i].state = Entry::State::busy;
        lock.unlock();
        auto results = read(directories_[i]);
        lock.lock();
        entries_[i].results = std::move(results);
        entries_[i].state = Entry::State::done;
        progress_.notify_all();
    }
}

} // namespace mars::env
