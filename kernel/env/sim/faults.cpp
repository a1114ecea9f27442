// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/env/sim/faults.hpp"

#include <algorithm>
#include <utility>

namespace mars::env::sim {

std::string_view name_of(Operation operation) {
    static constexpr std::string_view names[] = {"open",   "read",   "write",  "sync",       "symlink",
                                                 "create", "rename", "remove", "sync_names", "look"};
    return names[static_cast<std::size_t>(operation)];
}

bool matches(std::string_view pattern, std::string_view path) {
    const auto star = pattern.find('*');
    if (star == std::string_view::npos) return pattern == path;
    if (!path.starts_with(pattern.substr(0, star))) return false;
    const auto rest = pattern.substr(star + 1);
    for (auto at = star; at <= path.size(); ++at)
        if (matches(rest, path.substr(at))) return true;
    return false;
}

int Faults::add(Fault fault) {
    if (fault.stands_still && fault.to != kForEver) world_.at(fault.to, [this] { wake(); });
    rows_[next_].fault = std::move(fault);
    return next_++;
}

void Faults::remove(int number) {
    if (auto found = rows_.find(number); found != rows_.end()) found->second.is_over = true;
    wake();
}

void Faults::clear() {
    rows_.clear();
    wake();
}

std::uint64_t Faults::hits(int number) const {
    const auto found = rows_.find(number);
    return found == rows_.end() ? 0 : found->second.hits;
}

bool Faults::concerns(const Row& row, Operation operation, const std::string& path) const {
    const auto& fault = row.fault;
    const auto& kinds = fault.operations;
    if (row.is_over || world_.now() < fault.from || world_.now() >= fault.to) return false;
    if (!kinds.empty() && std::find(kinds.begin(), kinds.end(), operation) == kinds.end()) return false;
    return matches(fault.pattern, path);
}

Faults::Verdict Faults::judge(Operation operation, const std::string& path) {
    Verdict verdict;
    for (auto& [number, row] : rows_) {
        const auto& fault = row.fault;
        if (!concerns(row, operation, path)) continue;
        if (fault.percent < 100 && !world_.random().chance(fault.percent)) continue;
        ++row.hits;
        if (fault.times != 0 && row.hits >= fault.times) row.is_over = true;
        if (verdict.error == 0) verdict.error = fault.error;
        verdict.is_in_parts = verdict.is_in_parts || fault.is_in_parts;
        verdict.slower = std::max(verdict.slower, fault.slower); // one of them is the slowest
        verdict.is_hollow = verdict.is_hollow || fault.is_hollow;
        if (fault.error != 0)
            world_.trace("fault: " + std::string(name_of(operation)) + " of " + path + ": errno " +
                         std::to_string(fault.error));
    }
    return verdict;
}

bool Faults::stands_still(Operation operation, const std::string& path) const {
    return std::any_of(rows_.begin(), rows_.end(), [&](const auto& entry) {
        return entry.second.fault.stands_still && concerns(entry.second, operation, path);
    });
}

task<void> Faults::wait(ParkingLot& lot, Operation operation, std::string path) {
    while (stands_still(operation, path)) {
        auto start = [this](const std::shared_ptr<Waiter<bool>>& waiter) { waiting_.push_back(waiter); };
        co_await park<bool>(lot, start);
    }
}

void Faults::wake() {
    auto waiting = std::exchange(waiting_, {});
    for (auto& weak : waiting)
        if (auto waiter = weak.lock()) waiter->complete(true);
}

} // namespace mars::env::sim
