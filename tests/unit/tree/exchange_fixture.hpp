// SPDX-License-Identifier: GPL-2.0-or-later
// A simulated cluster whose hosts exchange their trees.
#pragma once

#include <algorithm>
#include <map>

#include "fixture.hpp"
#include "kernel/tree/exchange.hpp"
#include "kernel/tree/paths.hpp"

namespace mars::tree::testing {

struct ExchangeHost {
    ExchangeHost(World& w, std::string n, std::string a)
        : world(w), name(std::move(n)), address(std::move(a)), machine(w.add_machine(name, address)), hand(machine) {}
    ~ExchangeHost() { stop(); }

    void start() {
        process = machine.start_process("marsd");
        auto opened = run(*process, Tree::open(*process, "/mars"));
        if (!opened) FAIL(opened.error().text);
        tree = std::move(*opened);
        exchange = std::make_unique<Exchange>(*process, *tree);
        auto started = exchange->start();
        if (!started) FAIL(started.error().text);
    }
    void stop() {
        if (!process) return;
        if (!process->is_dead()) {
            run(*process, exchange->stop());
            run(*process, tree->close());
        }
        exchange.reset();
        tree.reset();
        process.reset();
    }
    void power_cut() {
        machine.power_cut();
        stop();
    }
    void set(const std::string& path, const std::string& value) {
        auto done = tree->set(path, value);
        if (!done) FAIL(done.error().text);
    }
    Exchange::PeerStatus peer(const std::string& host) const {
        for (auto& status : exchange->peers())
            if (status.host == host) return status;
        return {};
    }
    std::uint64_t bytes_to(const ExchangeHost& other) {
        return world.network().link(address, other.address).bytes_carried;
    }

    World& world;
    std::string name;
    std::string address;
    Machine& machine;
    Hand hand;
    std::unique_ptr<Process> process;
    std::unique_ptr<Tree> tree;
    std::unique_ptr<Exchange> exchange;
};

// Everything that hosts should have in common.
using Contents = std::map<std::string, Link>;
inline Contents contents(const Tree& tree) {
    Contents all;
    for (auto& dir : tree.directories())
        tree.visit_links(dir, [&](std::string_view name, const Link& link) {
            auto path = join_path(dir, name);
            if (is_transferable(path)) all[path] = link;
        });
    return all;
}

struct Cluster {
    explicit Cluster(std::uint64_t seed, int hosts) : world(seed) {
        for (int i = 0; i < hosts; ++i)
            all.push_back(std::make_unique<ExchangeHost>(world, std::string(1, static_cast<char>('a' + i)),
                                                         "10.0.0." + std::to_string(i + 1)));
        for (auto& host : all) add_to_disk(*host, "a_1");
    }
    // Writes the uuid and the addresses of all hosts to a disk, as the verbs do.
    void add_to_disk(ExchangeHost& host, const std::string& uuid) {
        host.hand.directory("/mars/ips");
        if (!uuid.empty()) host.hand.link("/mars/uuid", uuid, Stamp{1'600'000'000, 0});
        for (auto& other : all) host.hand.link("/mars/ips/ip-" + other->name, other->address, Stamp{1'600'000'000, 0});
        auto& filesystem = host.machine.filesystem();
        filesystem.make_names_durable(filesystem.names_mark());
    }
    ExchangeHost& operator[](std::size_t i) { return *all[i]; }
    void start() {
        for (auto& host : all) host->start();
    }
    bool is_connected() const {
        return std::all_of(all.begin(), all.end(), [](auto& host) {
            if (!host->exchange) return true;
            const auto peers = host->exchange->peers();
            return std::all_of(peers.begin(), peers.end(), [](auto& peer) { return peer.connected; });
        });
    }
    bool is_equal() const {
        const Tree* first = nullptr;
        for (auto& host : all) {
            if (!host->tree) continue;
            if (first && contents(*first) != contents(*host->tree)) return false;
            if (!first) first = host->tree.get();
        }
        return true;
    }
    bool wait(const std::function<bool()>& done, Duration limit = 2min) { return world.run_until(done, limit); }
    void connect() {
        start();
        if (!wait([&] { return is_connected() && is_equal(); })) FAIL("the cluster does not come up");
    }
    bool converges(Duration limit = 2min) {
        return wait([&] { return is_connected() && is_equal(); }, limit);
    }
    void cut(ExchangeHost& x, ExchangeHost& y) { world.network().cut(x.address, y.address); }
    void heal(ExchangeHost& x, ExchangeHost& y) { world.network().heal(x.address, y.address); }

    World world;
    std::vector<std::unique_ptr<ExchangeHost>> all;
};

} // namespace mars::tree::testing
