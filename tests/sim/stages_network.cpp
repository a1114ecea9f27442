// SPDX-License-Identifier: GPL-2.0-or-later
// Lines that are long, thin or uneven, carry one direction only, or lose single connections; strangers that call.
#include "kernel/env/sim/strangers.hpp"
#include "tests/sim/run.hpp"
#include "tests/sim/stages.hpp"

namespace mars::sim {

using namespace std::chrono_literals;
using env::sim::Network;

namespace {

struct Pair {
    Node* a = nullptr;
    Node* b = nullptr;
};

std::optional<Pair> any_pair(Run& run) {
    auto& a = run.any();
    auto& b = run.any();
    if (&a == &b) return std::nullopt;
    return Pair{&a, &b};
}

// 0.1 to 500 ms, 64 kbit/s and more, evenly over the orders of magnitude.
bool lengthen_a_line(Run& run) {
    const auto pair = any_pair(run);
    if (!pair) return false;
    static constexpr Duration latencies[] = {100us, 1ms, 10ms, 50ms, 150ms, 500ms};
    static constexpr std::uint64_t rates[] = {8'000, 64'000, 500'000, 4'000'000, 16'000'000};
    const auto set = [&run](Node& from, Node& to) {
        auto& way = run.cluster.world().network().way(from.machine.address(), to.machine.address());
        way.latency = latencies[run.random.below(std::size(latencies))];
        way.bytes_per_second = rates[run.random.below(std::size(rates))];
        way.jitter = run.random.chance(50) ? *way.latency : 0ms;
        run.tell("the way from " + from.name() + " to " + to.name() + " takes " +
                 std::to_string(way.latency->count() / 1000) + " us, " + std::to_string(*way.bytes_per_second) +
                 " bytes/s");
        run.cures.push_back([&way] {
            way.latency.reset();
            way.bytes_per_second.reset();
            way.jitter = 0ms;
        });
    };
    set(*pair->a, *pair->b);
    if (run.random.chance(60)) set(*pair->b, *pair->a);
    return true;
}

bool cut_a_way(Run& run) {
    const auto pair = any_pair(run);
    if (!pair) return false;
    run.tell("nothing passes from " + pair->a->name() + " to " + pair->b->name());
    const auto from = pair->a->machine.address();
    const auto to = pair->b->machine.address();
    auto& network = run.cluster.world().network();
    network.cut_way(from, to);
    if (run.random.chance(70))
        run.cluster.world().after(run.between(500ms, 40s), [&network, from, to] { network.heal_way(from, to); });
    return true;
}

bool lose_connections(Run& run) {
    const auto pair = any_pair(run);
    if (!pair) return false;
    static constexpr Network::Loss kinds[] = {Network::Loss::reset, Network::Loss::forgotten, Network::Loss::dropped};
    auto& world = run.cluster.world();
    const auto count = 1 + run.random.below(4);
    run.tell("connections between " + pair->a->name() + " and " + pair->b->name() + " are lost");
    for (std::uint64_t i = 0; i < count; ++i)
        world.after(run.between(0s, 3s), [&world, a = pair->a->machine.address(), b = pair->b->machine.address(),
                                          kind = kinds[run.random.below(std::size(kinds))]] {
            world.network().lose_connection(a, b, kind);
        });
    return true;
}

bool be_called_by_strangers(Run& run) {
    static constexpr env::sim::Manner manners[] = {env::sim::Manner::garbage, env::sim::Manner::unfinished,
                                                   env::sim::Manner::huge, env::sim::Manner::idle};
    static constexpr const char* names[] = {"garbage", "beginnings", "huge numbers", "silence"};
    auto& node = run.any();
    const auto which = run.random.below(std::size(manners));
    const auto port = static_cast<std::uint16_t>(7777 + run.random.below(3));
    const auto count = manners[which] == env::sim::Manner::idle ? 100 : 1 + run.random.below(8);
    run.tell("strangers call " + node.name() + ":" + std::to_string(port) + " with " + names[which]);
    run.strangers().call({node.machine.address(), port}, manners[which], count, run.between(1s, 60s));
    return true;
}

// A peer goes mad: from a member's address come garbage, words without an end, and greetings that go on with nonsense.
bool be_called_by_a_mad_peer(Run& run) {
    static constexpr env::sim::Manner manners[] = {env::sim::Manner::garbage, env::sim::Manner::unfinished,
                                                   env::sim::Manner::huge};
    static constexpr const char* names[] = {"garbage", "beginnings", "huge numbers"};
    const auto pair = any_pair(run);
    if (!pair || !pair->b->is_up() || pair->b->is_stopping) return false;
    const auto which = run.random.below(std::size(manners));
    const auto port = static_cast<std::uint16_t>(7777 + run.random.below(3));
    run.tell("a program on " + pair->b->name() + " calls " + pair->a->name() + ":" + std::to_string(port) + " with " +
             names[which]);
    run.strangers_on(*pair->b).call({pair->a->machine.address(), port}, manners[which], 1 + run.random.below(4),
                                    run.between(1s, 40s));
    return true;
}

// All ports are taken by strangers who say nothing, until the end of the run; and what members had open is lost.
bool be_besieged(Run& run) {
    const auto pair = any_pair(run);
    if (!pair) return false;
    const auto& address = pair->a->machine.address();
    run.tell("strangers besiege " + pair->a->name());
    for (std::uint16_t port = 7777; port < 7780; ++port)
        run.strangers().call({address, port}, env::sim::Manner::idle, 40, 1h);
    run.pass(3s);
    auto& network = run.cluster.world().network();
    const auto& peer = pair->b->machine.address();
    for (auto left = network.connections(address, peer); left > 0; --left)
        network.lose_connection(address, peer, Network::Loss::reset);
    return true;
}

// An operator tells it to all hosts; those that are down hear of it later.
bool change_an_address(Run& run) {
    auto& node = run.any();
    const auto address =
        "10.0." + std::to_string(1 + run.random.below(200)) + "." + std::to_string(1 + run.random.below(200));
    run.tell(node.name() + " gets the address " + address);
    node.machine.change_address(address);
    run.moved.insert(&node);
    if (run.random.chance(50)) run.pass(run.between(0s, 40s));
    for (auto& other : run.cluster.nodes())
        if (other->is_up() && !run.outside.contains(other.get()))
            run.cluster.commands().run(*other, {"lowlevel-set-host-ip", node.name(), address});
    return true;
}

constexpr Stage kNetworkStages[] = {
    {.name = "a line is long or thin", .weight = 3, .run = lengthen_a_line},
    {.name = "one way is cut", .weight = 3, .run = cut_a_way},
    {.name = "connections are lost", .weight = 3, .run = lose_connections},
};

constexpr Stage kAddressStages[] = {
    {.name = "a host gets another address", .weight = 3, .needs_no_verbs = true, .run = change_an_address},
};

constexpr Stage kStrangerStages[] = {
    {.name = "strangers call", .weight = 5, .run = be_called_by_strangers},
    {.name = "a peer sends garbage", .weight = 4, .run = be_called_by_a_mad_peer},
    {.name = "strangers besiege a host", .weight = 2, .run = be_besieged},
};

} // namespace

const Family kNetwork{"network", "long or thin lines, one-way cuts, lost connections", kNetworkStages};
const Family kAddresses{"addresses", "hosts get other addresses", kAddressStages};
const Family kStrangers{"strangers", "strangers call the ports of marsd, peers send garbage", kStrangerStages};

} // namespace mars::sim
