// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/env/sim/world.hpp"

#include <algorithm>
#include <cstdio>

#include "kernel/base/result.hpp"
#include "kernel/env/sim/machine.hpp"
#include "kernel/env/sim/network.hpp"

namespace mars::env::sim {

namespace {

std::uint64_t rotate_left(std::uint64_t x, int bits) {
    return (x << bits) | (x >> (64 - bits));
}

std::uint64_t splitmix(std::uint64_t& state) {
    std::uint64_t z = (state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

} // namespace

SeededRandom::SeededRandom(std::uint64_t seed) {
    for (auto& s : s_) s = splitmix(seed);
}

std::uint64_t SeededRandom::next() {
    const std::uint64_t value = rotate_left(s_[1] * 5, 7) * 9;
    const std::uint64_t t = s_[1] << 17;
    s_[2] ^= s_[0];
    s_[3] ^= s_[1];
    s_[1] ^= s_[2];
    s_[0] ^= s_[3];
    s_[2] ^= t;
    s_[3] = rotate_left(s_[3], 45);
    return value;
}

Duration SeededRandom::between(Duration low, Duration high) {
    if (high <= low) return low;
    return low + Duration(static_cast<std::int64_t>(below(static_cast<std::uint64_t>((high - low).count()) + 1)));
}

World::World(std::uint64_t seed) : seed_(seed), random_(seed), network_(std::make_unique<Network>(*this)) {}

World::~World() {
    for (auto& machine : machines_) machine->end_all_processes();
    settle();
    queue_.clear();
    machines_.clear();
}

Machine& World::add_machine(const std::string& name, const std::string& address) {
    machines_.push_back(std::make_unique<Machine>(*this, name, address));
    return *machines_.back();
}

std::vector<Machine*> World::machines() const {
    std::vector<Machine*> all;
    for (auto& machine : machines_) all.push_back(machine.get());
    return all;
}

void World::at(Duration when, std::function<void()> action) {
    queue_.emplace(std::pair(std::max(when, now_), next_number_++), std::move(action));
}

void World::settle() {
    for (bool ran = true; ran;) {
        ran = false;
        context_.restart();
        while (context_.poll_one() > 0) {
            ran = true;
            ++handlers_;
            if (handlers_ == most_handlers / 2) before_ = resumptions();
            if (handlers_ > most_handlers) return storm();
        }
    }
}

void World::begin_instant(Duration when) {
    if (when == now_) return;
    now_ = when;
    handlers_ = calls_ = 0;
}

// --- programs that never wait ----------------------------------------------------------------------------------------

std::vector<std::pair<Process*, std::uint64_t>> World::resumptions() const {
    std::vector<std::pair<Process*, std::uint64_t>> found;
    for (auto& machine : machines_)
        for (auto* process : machine->processes()) found.emplace_back(process, process->lot().resumptions());
    return found;
}

std::string World::who_ran() const {
    std::string who;
    for (auto& [process, count] : resumptions()) {
        const auto same = [p = process](const auto& entry) { return entry.first == p; };
        const auto found = std::find_if(before_.begin(), before_.end(), same);
        const auto times = count - (found == before_.end() ? 0 : found->second);
        if (times == 0) continue;
        who += (who.empty() ? "" : ", ") + process->hostname() + "/" + process->program() + " (resumed " +
               std::to_string(times) + " times)";
    }
    return who.empty() ? "programs that did not wait for anything of their Env" : who;
}

void World::storm() {
    const auto what = "seed " + std::to_string(seed_) + ", at " + std::to_string(now_.count()) + " ns: more than " +
                      std::to_string(most_handlers) +
                      " handlers ran without virtual time passing; the last half of them: " + who_ran();
    handlers_ = calls_ = 0; // for those who clean up
    if (!on_storm || ++storms_ > 10) panic(what);
    trace(what);
    queue_.clear();
    if (storms_ == 1) on_storm(what);
}

void World::panic_of_calls() const {
    std::string who;
    for (auto& machine : machines_)
        for (auto* process : machine->processes())
            if (process->calls() > most_calls / 4)
                who += " " + process->hostname() + "/" + process->program() + " (" + std::to_string(process->calls()) +
                       " calls since it began)";
    panic("seed " + std::to_string(seed_) + ", at " + std::to_string(now_.count()) + " ns: more than " +
          std::to_string(most_calls) + " calls of an Env without virtual time passing, by:" + who);
}

// ---------------------------------------------------------------------------------------------------------------------

bool World::step(Duration until) {
    if (storms_ > 0) return false;
    if (queue_.empty() || queue_.begin()->first.first > until) return false;
    auto entry = queue_.extract(queue_.begin());
    begin_instant(entry.key().first);
    const std::uint64_t facts[2] = {static_cast<std::uint64_t>(now_.count()), entry.key().second};
    for (auto fact : facts) digest_ = (digest_ ^ fact) * 0x100000001b3;
    entry.mapped()();
    settle();
    return true;
}

bool World::run_until(const std::function<bool()>& done, Duration limit) {
    const Duration until = now_ + limit;
    settle();
    while (!done())
        if (!step(until)) {
            if (!queue_.empty()) begin_instant(until);
            return done();
        }
    return true;
}

void World::run_for(Duration span) {
    const Duration until = now_ + span;
    settle();
    while (step(until)) {
    }
    begin_instant(until);
}

void World::trace(std::string_view what) {
    for (char c : what) digest_ = (digest_ ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    if (print_trace)
        std::fprintf(stderr, "%12.6f %.*s\n", static_cast<double>(now_.count()) / 1e9, static_cast<int>(what.size()),
                     what.data());
}

} // namespace mars::env::sim
