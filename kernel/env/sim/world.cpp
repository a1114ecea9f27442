// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/env/sim/world.hpp"

#include <cstdio>

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

World::World(std::uint64_t seed) : random_(seed), network_(std::make_unique<Network>(*this)) {}

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
    do context_.restart();
    while (context_.poll() > 0);
}

bool World::step(Duration until) {
    if (queue_.empty() || queue_.begin()->first.first > until) return false;
    auto entry = queue_.extract(queue_.begin());
    now_ = entry.key().first;
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
            if (!queue_.empty()) now_ = until;
            return done();
        }
    return true;
}

void World::run_for(Duration span) {
    const Duration until = now_ + span;
    settle();
    while (step(until)) {
    }
    now_ = until;
}

void World::trace(std::string_view what) {
    for (char c : what) digest_ = (digest_ ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    if (print_trace)
        std::fprintf(stderr, "%12.6f %.*s\n", static_cast<double>(now_.count()) / 1e9, static_cast<int>(what.size()),
                     what.data());
}

} // namespace mars::env::sim
