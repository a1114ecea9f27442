// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/env/sim/connection.hpp"

#include <algorithm>

#include "kernel/env/sim/network.hpp"

namespace mars::env::sim {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t kWindow = 256 * 1024; // bytes under way or unread per direction
constexpr Duration kStalled = 30s;

void wake(std::weak_ptr<Waiter<bool>>& who) {
    if (auto waiter = who.lock()) waiter->complete(true);
    who.reset();
}

} // namespace

Connection::Connection(World& world, Network& network, std::uint64_t number, std::string caller, std::string called,
                       std::uint16_t port)
    : world_(world), network_(network), number_(number), port_(port) {
    ends_[0].address = std::move(caller);
    ends_[1].address = std::move(called);
}

bool Connection::joins(const std::string& a, const std::string& b) const {
    return (ends_[0].address == a && ends_[1].address == b) || (ends_[0].address == b && ends_[1].address == a);
}

bool Connection::is_alive() const {
    return std::all_of(ends_.begin(), ends_.end(),
                       [](const End& end) { return !end.is_closed && !end.is_broken && !end.is_silent; });
}

// --- programs --------------------------------------------------------------------------------------------------------

std::size_t Connection::take(int side, std::span<std::byte> into) {
    auto& arrived = pipe_to(side).arrived;
    const auto length = std::min(into.size(), arrived.size());
    const auto end = arrived.begin() + static_cast<std::ptrdiff_t>(length);
    std::copy(arrived.begin(), end, into.begin());
    arrived.erase(arrived.begin(), end);
    wake(ends_[index(1 - side)].writer);
    return length;
}

std::size_t Connection::room(int side) const {
    const auto& pipe = pipe_from(side);
    const auto used = pipe.in_flight + std::max(pipe.arrived.size(), pipe.unacknowledged);
    return used < kWindow ? kWindow - used : 0;
}

void Connection::send(int side, std::span<const std::byte> data) {
    if (side == 0) network_.overhear(*this, data);
    auto& pipe = pipe_from(side);
    pipe.under_way.emplace_back(data.begin(), data.end());
    pipe.in_flight += data.size();
    pump(side);
}

void Connection::close(int side) {
    auto& end = ends_[index(side)];
    if (end.is_closed) return;
    end.is_closed = true;
    wake(end.reader);
    wake(end.writer);
    if (end.is_broken || end.is_silent) return;
    pipe_from(side).under_way.emplace_back();
    pump(side);
}

// --- segments --------------------------------------------------------------------------------------------------------

bool Connection::is_stuck(int from) const {
    const auto& a = ends_[index(from)];
    const auto& b = ends_[index(1 - from)];
    return is_dropped_ || a.is_silent || b.is_silent || network_.is_cut(a.address, b.address);
}

void Connection::pump(int from) {
    auto& pipe = pipe_from(from);
    const auto& sender = ends_[index(from)];
    while (pipe.on_wire < pipe.under_way.size() && !sender.is_broken && !is_stuck(from)) {
        const auto size = pipe.under_way[pipe.on_wire++].size();
        const auto due = network_.carry(sender.address, ends_[index(1 - from)].address, size);
        pipe.last_arrival = std::max(pipe.last_arrival, due);
        world_.at(pipe.last_arrival,
                  [self = shared_from_this(), from, round = pipe.round] { self->arrive(from, round); });
    }
}

void Connection::arrive(int from, std::uint64_t round) {
    auto& pipe = pipe_from(from);
    auto& sender = ends_[index(from)];
    auto& reader = ends_[index(1 - from)];
    if (round != pipe.round || sender.is_broken) return;
    if (is_stuck(from)) { // lost on the way; sent again when something passes
        pipe.on_wire = 0;
        ++pipe.round;
        return;
    }
    const auto segment = std::move(pipe.under_way.front());
    pipe.under_way.pop_front();
    --pipe.on_wire;
    pipe.in_flight -= segment.size();
    if (reader.is_closed || reader.is_broken) {
        if (!sender.is_closed) reset_later(from, std::max(world_.now(), pipe_to(from).last_arrival));
        return;
    }
    pipe.arrived.insert(pipe.arrived.end(), segment.begin(), segment.end());
    if (segment.empty()) pipe.has_ended = true;
    if (is_stuck(1 - from)) pipe.unacknowledged += segment.size();
    wake(reader.reader);
    wake(sender.writer);
}

// A reset reaches the end `side`, unless nothing passes then.
void Connection::reset_later(int side, Duration when) {
    world_.at(when, [self = shared_from_this(), side] {
        if (!self->is_stuck(1 - side)) self->break_end(side);
    });
}

// --- faults ----------------------------------------------------------------------------------------------------------

void Connection::look_again() {
    const bool is_stuck_now = is_stuck(0) || is_stuck(1);
    for (int side : {0, 1})
        if (!is_stuck(side)) {
            pipe_to(side).unacknowledged = 0;
            wake(ends_[index(1 - side)].writer);
            pump(side);
        }
    if (is_stuck_now == was_stuck_) return;
    was_stuck_ = is_stuck_now;
    ++turns_;
    if (!is_stuck_now) return;
    world_.after(kStalled, [weak = weak_from_this(), turn = turns_] {
        auto self = weak.lock();
        if (self && self->turns_ == turn) self->break_both();
    });
}

void Connection::silence(int side) {
    ends_[index(side)].is_silent = true;
    auto& pipe = pipe_from(side);
    pipe.under_way.clear();
    pipe.on_wire = pipe.in_flight = 0;
    ++pipe.round;
    look_again();
}

void Connection::break_end(int side) {
    auto& end = ends_[index(side)];
    if (end.is_broken || end.is_silent) return;
    end.is_broken = true;
    auto& pipe = pipe_from(side);
    pipe.under_way.clear();
    pipe.on_wire = pipe.in_flight = 0;
    ++pipe.round;
    wake(end.reader);
    wake(end.writer);
}

void Connection::break_both() {
    break_end(0);
    break_end(1);
}

void Connection::forget(int side) {
    break_end(side);
    reset_later(1 - side, world_.now() + world_.random().between(10s, 15s)); // an answer to its keepalive probe
}

void Connection::drop() {
    is_dropped_ = true;
    look_again();
}

void Connection::answer_with_resets() {
    if (!ends_[0].is_silent && !ends_[1].is_silent) return;
    world_.after(world_.random().between(100ms, 3s), [self = shared_from_this()] {
        const auto& a = self->ends_[0].address;
        const auto& b = self->ends_[1].address;
        if (!self->network_.is_cut(a, b) && !self->network_.is_cut(b, a)) self->break_both();
    });
}

} // namespace mars::env::sim
