// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/env/sim/network.hpp"

#include <algorithm>

#include "kernel/env/sim/connection.hpp"
#include "kernel/env/sim/machine.hpp"
#include "kernel/env/sim/sim_net.hpp"

namespace mars::env::sim {

namespace {
constexpr std::size_t kOverheard = 1024; // bytes
} // namespace

// --- links -----------------------------------------------------------------------------------------------------------

Link& Network::link(const std::string& a, const std::string& b) {
    return links_[a < b ? std::pair(a, b) : std::pair(b, a)];
}

Way& Network::way(const std::string& from, const std::string& to) {
    return link(from, to).ways[from <= to ? 0 : 1];
}

bool Network::is_cut(const std::string& from, const std::string& to) {
    return link(from, to).cut || way(from, to).is_cut;
}

bool Network::is_reachable(const std::string& from, const std::string& to) {
    const auto found = machines_.find(to);
    return found != machines_.end() && found->second->is_on() && !is_cut(from, to) && !is_cut(to, from);
}

void Network::cut(const std::string& a, const std::string& b) {
    world_.trace("network: cut " + a + " " + b);
    link(a, b).cut = true;
    for (auto& connection : between(a, b)) connection->look_again();
}

void Network::heal(const std::string& a, const std::string& b) {
    world_.trace("network: heal " + a + " " + b);
    auto& both = link(a, b);
    both.cut = both.ways[0].is_cut = both.ways[1].is_cut = false;
    for (auto& connection : between(a, b)) connection->look_again();
}

void Network::heal_all() {
    for (auto& [ends, link] : links_)
        if (link.cut || link.ways[0].is_cut || link.ways[1].is_cut) heal(ends.first, ends.second);
}

void Network::cut_way(const std::string& from, const std::string& to) {
    world_.trace("network: cut from " + from + " to " + to);
    way(from, to).is_cut = true;
    for (auto& connection : between(from, to)) connection->look_again();
}

void Network::heal_way(const std::string& from, const std::string& to) {
    world_.trace("network: heal from " + from + " to " + to);
    way(from, to).is_cut = false;
    for (auto& connection : between(from, to)) connection->look_again();
}

Duration Network::round_trip(const std::string& a, const std::string& b) {
    const auto usual = link(a, b).latency;
    return way(a, b).latency.value_or(usual) + way(b, a).latency.value_or(usual);
}

Duration Network::carry(const std::string& from, const std::string& to, std::size_t bytes) {
    auto& line = link(from, to);
    auto& lane = way(from, to);
    const auto rate = std::max<std::uint64_t>(1, lane.bytes_per_second.value_or(line.bytes_per_second));
    const auto on_wire = Duration(static_cast<std::int64_t>(bytes * 1'000'000'000 / rate));
    lane.busy_until = std::max(lane.busy_until, world_.now()) + on_wire;
    line.bytes_carried += bytes;
    auto due = lane.busy_until + lane.latency.value_or(line.latency);
    if (lane.jitter > Duration(0)) due += world_.random().between(Duration(0), lane.jitter);
    return due;
}

// --- connections -----------------------------------------------------------------------------------------------------

std::shared_ptr<Connection> Network::connect(const std::string& from, const std::string& to, std::uint16_t port) {
    std::erase_if(connections_, [](const auto& connection) { return connection.expired(); });
    auto made = std::make_shared<Connection>(world_, *this, ++last_connection_, from, to, port);
    connections_.push_back(made);
    return made;
}

void Network::overhear(const Connection& connection, std::span<const std::byte> said) {
    auto& heard = overheard_[connection.port()];
    if (heard.connection == 0) heard.connection = connection.number();
    if (heard.connection != connection.number()) return;
    const auto more = said.first(std::min(said.size(), kOverheard - heard.words.size()));
    heard.words.insert(heard.words.end(), more.begin(), more.end());
}

std::vector<std::shared_ptr<Connection>> Network::between(const std::string& a, const std::string& b) {
    std::vector<std::shared_ptr<Connection>> found;
    for (auto& weak : connections_)
        if (auto connection = weak.lock(); connection && connection->joins(a, b)) found.push_back(connection);
    return found;
}

std::vector<std::shared_ptr<Connection>> Network::of(const std::string& address) {
    std::vector<std::shared_ptr<Connection>> found;
    for (auto& weak : connections_)
        if (auto connection = weak.lock();
            connection && (connection->end(0).address == address || connection->end(1).address == address))
            found.push_back(connection);
    return found;
}

std::size_t Network::connections(const std::string& a, const std::string& b) {
    const auto found = between(a, b);
    return static_cast<std::size_t>(
        std::count_if(found.begin(), found.end(), [](const auto& connection) { return connection->is_alive(); }));
}

bool Network::lose_connection(const std::string& a, const std::string& b, Loss how) {
    auto found = between(a, b);
    std::erase_if(found, [](const auto& connection) { return !connection->is_alive(); });
    if (found.empty()) return false;
    auto& connection = *found[world_.random().below(found.size())];
    world_.trace("network: a connection of " + a + " and " + b + " to port " + std::to_string(connection.port()) +
                 " is lost");
    switch (how) {
    case Loss::reset:
        connection.break_both();
        break;
    case Loss::forgotten:
        connection.forget(static_cast<int>(world_.random().below(2)));
        break;
    case Loss::dropped:
        connection.drop();
        break;
    }
    return true;
}

// --- machines --------------------------------------------------------------------------------------------------------

void Network::vanish(const std::string& address) {
    for (auto& connection : of(address))
        for (int side : {0, 1})
            if (connection->end(side).address == address) connection->silence(side);
}

void Network::appear(const std::string& address) {
    for (auto& connection : of(address)) connection->answer_with_resets();
}

void Network::process_ended(Process& process) {
    auto listeners = listeners_;
    for (auto& [at, listener] : listeners)
        if (&listener->process() == &process) listener->withdraw();
}

void Network::move_in(const std::string& address, Machine& machine) {
    machines_[address] = &machine;
}

void Network::move_out(const std::string& address) {
    machines_.erase(address);
    for (auto& connection : of(address)) connection->drop();
}

} // namespace mars::env::sim
