// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/resource/log_store.hpp"

#include <algorithm>
#include <limits>

namespace mars::resource {

LogStore::LogStore(env::Env& env, std::string directory, std::string me, FinalLength final_length)
    : env_(env), directory_(std::move(directory)), me_(std::move(me)), final_length_(std::move(final_length)),
      changed_(env.lot()) {}

void LogStore::tell() {
    is_more_than_growth_ = true;
    changed_.notify();
}

env::task<result<void>> LogStore::refresh() {
    MARS_CO_TRY(auto entries, env_.storage().list(directory_));
    std::map<LogName, Known> found;
    for (auto& entry : entries) {
        auto name = LogName::parse(entry.name);
        if (!name || entry.kind != env::FileKind::regular) continue;
        auto known = known_.find(*name);
        if (known != known_.end()) {
            found.insert(*known);
            continue;
        }
        MARS_CO_TRY(auto length, co_await durable_length(*name));
        // A fetcher or the logger may have reported the same log while we waited.
        auto reported = known_.find(*name);
        Known fresh;
        fresh.length = length;
        found.emplace(*name, reported != known_.end() ? reported->second : fresh);
    }
    const auto same_name = [](const auto& a, const auto& b) { return a.first == b.first; };
    const bool same = std::equal(found.begin(), found.end(), known_.begin(), known_.end(), same_name);
    if (same) co_return result<void>();
    // Lengths reported since the listing began are newer than those in `found`.
    for (auto& [name, state] : found)
        if (auto known = known_.find(name); known != known_.end()) state = known->second;
    known_ = std::move(found);
    tell();
    co_return result<void>();
}

env::task<result<std::int64_t>> LogStore::durable_length(LogName name) {
    env::OpenMode mode;
    mode.write = true;
    MARS_CO_TRY(auto file, co_await env_.storage().open(path(name), mode));
    MARS_CO_TRY(const std::uint64_t size, file->size()); // before the sync: what comes later is not covered by it
    MARS_CO_TRY_VOID(co_await file->sync_data());
    co_await file->forget_cached(); // an earlier life may have seen a sync fail, and this one succeeds nevertheless
    co_return static_cast<std::int64_t>(size);
}

env::task<result<void>> LogStore::cut(LogName log, std::int64_t length) {
    env::OpenMode mode;
    mode.write = true;
    MARS_CO_TRY(auto file, co_await env_.storage().open(path(log), mode));
    MARS_CO_TRY_VOID(co_await file->resize(static_cast<std::uint64_t>(length)));
    MARS_CO_TRY_VOID(co_await file->sync_data());
    auto& known = known_[log];
    known.length = length;
    ++known.cuts;
    tell();
    co_return result<void>();
}

void LogStore::hide_behind(const LogName& log, std::int64_t length) {
    known_[log].served = length;
    tell();
}

env::task<result<void>> LogStore::measure(LogName log) {
    MARS_CO_TRY(const auto length, co_await durable_length(log));
    known_[log].length = length;
    tell();
    co_return result<void>();
}

std::uint64_t LogStore::cuts(const LogName& log) const {
    const auto known = known_.find(log);
    return known == known_.end() ? 0 : known->second.cuts;
}

void LogStore::serve_again(const LogName& log) {
    const auto known = known_.find(log);
    if (known == known_.end()) return;
    known->second.served = std::numeric_limits<std::int64_t>::max();
    tell();
}

void LogStore::set_growing(std::set<LogName> logs) {
    if (growing_ == logs) return;
    growing_ = std::move(logs);
    tell();
}

std::vector<LocalLog> LogStore::local() const {
    std::vector<LocalLog> logs;
    for (auto& [name, known] : known_) logs.push_back(LocalLog{name, known.length});
    return logs;
}

std::optional<std::int64_t> LogStore::length(const LogName& name) const {
    auto known = known_.find(name);
    return known == known_.end() ? std::nullopt : std::optional(known->second.length);
}

bool LogStore::is_short(const LogName& name) const {
    const auto final_length = final_length_(name);
    return final_length && length(name).value_or(0) < *final_length;
}

// A log of another host is complete when its source has said so, or when it is as long as the cluster knows it to be.
// That its successor is here proves nothing: invalidate begins again with a later log.
bool LogStore::is_complete(const LogName& name, const Known& known) const {
    if (known.served < known.length) return false; // who has got so much has not got all
    if (name.host == me_) return !growing_.contains(name);
    return known.complete || known.length >= final_length_(name).value_or(std::numeric_limits<std::int64_t>::max());
}

std::vector<block::LogState> LogStore::logs() const {
    std::vector<block::LogState> states;
    for (auto& [name, known] : known_) {
        block::LogState state;
        state.name = name;
        state.durable_length = static_cast<std::uint64_t>(std::min(known.length, known.served));
        state.complete = is_complete(name, known);
        states.push_back(std::move(state));
    }
    return states;
}

env::task<result<std::unique_ptr<env::File>>> LogStore::open(LogName name) {
    env::OpenMode mode;
    co_return co_await env_.storage().open(path(name), mode);
}

void LogStore::log_grew(const LogName& name, std::uint64_t durable_length) {
    auto& known = known_[name];
    const auto length = static_cast<std::int64_t>(durable_length);
    if (length < known.length) { // it has been removed and begins again, or a torn end was cut off
        is_more_than_growth_ = true;
        known.complete = false;
        ++known.cuts;
    }
    known.length = length;
    changed_.notify();
}

void LogStore::log_complete(const LogName& name, std::uint64_t length) {
    auto& known = known_[name];
    known.length = static_cast<std::int64_t>(length);
    known.complete = true;
    tell();
}

} // namespace mars::resource
