// SPDX-License-Identifier: GPL-2.0-or-later
// SimWatch: what changes in directories of a simulated machine, as inotify tells it.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <cerrno>

#include "kernel/env/event.hpp"
#include "kernel/env/sim/machine.hpp"
#include "kernel/env/storage.hpp"

namespace mars::env::sim {

class SimWatch final : public DirectoryWatch {
  public:
    explicit SimWatch(Process& process) : process_(process), event_(process.lot()), id_(next_id_++) {
        process_.machine().filesystem().watchers[id_] = [this](const std::string& directory, const std::string& name) {
            if (!directories_.contains(directory)) return;
            DirectoryChange change;
            change.directory = directory;
            change.name = name;
            note(std::move(change));
        };
    }
    ~SimWatch() override { process_.machine().filesystem().watchers.erase(id_); }

    result<void> add(const std::string& directory) override {
        auto* node = process_.machine().filesystem().find(directory);
        if (!node || node->kind != FileKind::directory) return errno_failure(ENOENT, directory);
        directories_.insert(directory);
        return {};
    }
    void remove(const std::string& directory) override { directories_.erase(directory); }

    task<result<std::vector<DirectoryChange>>> next() override {
        if (pending_.empty()) co_await event_.wait();
        co_return std::exchange(pending_, {});
    }

    std::vector<DirectoryChange> pending() override { return std::exchange(pending_, {}); }

  private:
    void note(DirectoryChange change) {
        const auto most = process_.machine().filesystem().most_watched;
        if (pending_.size() > most) return;
        if (pending_.size() == most) {
            change = DirectoryChange();
            change.overflow = true;
        }
        pending_.push_back(std::move(change));
        event_.notify();
    }

    static inline int next_id_ = 1; // orders watchers; never influences anything else
    Process& process_;
    Event event_;
    int id_;
    std::set<std::string> directories_;
    std::vector<DirectoryChange> pending_;
};

} // namespace mars::env::sim
