// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/tree/exchange.hpp"

#include <algorithm>
#include <map>

#include "kernel/base/number.hpp"
#include "kernel/tree/exchange_shared.hpp"
#include "kernel/tree/paths.hpp"
#include "kernel/tree/pusher.hpp"
#include "kernel/tree/receiver.hpp"

namespace mars::tree {

namespace {

constexpr Duration kDeliverAtStop = std::chrono::seconds(2);

bool is_ipv4(std::string_view text) {
    int parts = 0;
    for (;; ++parts) {
        const auto dot = text.find('.');
        const auto part = text.substr(0, dot);
        const auto number = parse_number<unsigned>(part);
        if (part.size() > 3 || !number || *number > 255) return false;
        if (dot == std::string_view::npos) break;
        text.remove_prefix(dot + 1);
    }
    return parts == 3;
}

} // namespace

struct Exchange::State {
    State(env::Env& env, Tree& tree, ExchangeOptions options)
        : shared(env, tree, options), receiver(shared), members_changed(env.lot()), group(env) {}

    void connect_parts();
    void on_change(const std::string& path, std::string_view from);
    env::task<void> deliver();
    env::task<void> follow_members();
    env::task<void> update_members();
    std::map<std::string, std::string> members() const;
    Pusher* pusher(const std::string& host);

    ExchangeShared shared;
    std::map<std::string, std::unique_ptr<Pusher>> pushers;
    Receiver receiver;
    env::Event members_changed;
    bool must_update_members = true;
    std::function<void(const std::string& host)> arrived;
    bool must_sync = false; // a peer has changed what this host knows about the cluster
    env::TaskGroup group;
    Subscription changes;
};

Exchange::Exchange(env::Env& env, Tree& tree, ExchangeOptions options)
    : state_(std::make_unique<State>(env, tree, options)) {
    state_->connect_parts();
}

Exchange::~Exchange() = default;

Pusher* Exchange::State::pusher(const std::string& host) {
    auto found = pushers.find(host);
    return found == pushers.end() ? nullptr : found->second.get();
}

void Exchange::State::connect_parts() {
    shared.pushed_peers = [this] {
        std::set<std::string> hosts;
        for (auto& [host, p] : pushers)
            if (p->is_pushing()) hosts.insert(host);
        return hosts;
    };
    shared.pushed_peers_changed = [this] {
        for (auto& [host, p] : pushers) p->tell_peers();
    };
    shared.send_back = [this](const std::string& host, const std::string& path) {
        if (auto* p = pusher(host)) p->changed(path);
    };
    shared.heard_from = [this](const std::string& host) {
        if (auto* p = pusher(host); p && !p->is_pushing()) p->try_now();
        if (arrived) arrived(host);
    };
    shared.take_over = [this](const std::string& host) {
        if (auto* p = pusher(host)) p->compare_again();
    };
}

void Exchange::on_arrival(std::function<void(const std::string& host)> arrived) {
    state_->arrived = std::move(arrived);
}

result<void> Exchange::start() {
    MARS_TRY_VOID(state_->receiver.start());
    auto* state = state_.get();
    state->changes = state->shared.tree.observe(
        [state](const std::string& path, std::string_view from) { state->on_change(path, from); });
    state->group.spawn("exchange members", state->follow_members());
    return {};
}

env::task<void> Exchange::stop() {
    co_await state_->deliver();
    state_->changes = Subscription();
    co_await state_->group.stop();
    co_await state_->receiver.stop();
    for (auto& [host, pusher] : state_->pushers) co_await pusher->stop();
    state_->pushers.clear();
}

// A host that goes down in order does not take its last words with it.
env::task<void> Exchange::State::deliver() {
    const auto until = shared.env.clock().steady() + kDeliverAtStop;
    auto is_idle = [](const auto& entry) { return entry.second->is_idle(); };
    while (!std::all_of(pushers.begin(), pushers.end(), is_idle)) {
        const auto rest = until - shared.env.clock().steady();
        if (rest <= Duration(0)) co_return;
        (void)co_await env::wait_for(shared.env, shared.delivered, rest); // looked at again
    }
}

void Exchange::State::on_change(const std::string& path, std::string_view from) {
    shared.digests.changed(path);
    if (path.starts_with("ips/") || path == "uuid") {
        must_update_members = true;
        must_sync = must_sync || !from.empty();
        members_changed.notify();
    }
    if (path == "uuid") {
        receiver.check_members();
        for (auto& [host, p] : pushers) p->check_uuid();
    }
    if (!is_transferable(path)) return;
    const auto link = shared.tree.raw(path);
    if (!link) return;                                           // a file, a directory, or purged: nothing that travels
    const bool to_all = from.empty() || link->value == kDeleted; // rules 2 and 4
    for (auto& [host, p] : pushers)
        if (host != from && (to_all || !receiver.pushes_to(from, host))) p->changed(path);
}

// Host and address of all other members; the address is empty when it cannot be used.
std::map<std::string, std::string> Exchange::State::members() const {
    std::map<std::string, std::string> found;
    for (auto& host : shared.tree.suffixes("ips", "ip-")) {
        if (host == shared.env.hostname() || !is_identifier(host)) continue;
        auto address = shared.tree.value("ips/ip-" + host);
        found[host] = is_ipv4(address) ? address : std::string();
    }
    return found;
}

env::task<void> Exchange::State::follow_members() {
    while (true) {
        while (!must_update_members) co_await members_changed.wait();
        must_update_members = false;
        co_await update_members();
        // Without its uuid and addresses a host is nobody: not left to the next sync by chance.
        if (!std::exchange(must_sync, false)) continue;
        auto synced = co_await shared.tree.sync();
        if (!synced) shared.quiet.warning("sync", "exchange event=sync-failed reason=" + synced.error().text);
    }
}

env::task<void> Exchange::State::update_members() {
    const auto wanted = members();
    for (auto it = pushers.begin(); it != pushers.end();) {
        if (wanted.contains(it->first)) {
            ++it;
            continue;
        }
        co_await it->second->stop();
        it = pushers.erase(it);
    }
    for (auto& [host, address] : wanted) {
        auto& p = pushers[host];
        if (p) {
            p->set_address(address);
        } else {
            p = std::make_unique<Pusher>(shared, host, address);
            p->start();
        }
    }
    receiver.check_members();
}

std::vector<Exchange::PeerStatus> Exchange::peers() const {
    std::vector<PeerStatus> all;
    for (auto& [host, pusher] : state_->pushers) {
        PeerStatus status;
        status.host = host;
        status.connected = pusher->is_pushing() && state_->receiver.is_connected(host);
        status.has_caught_up = state_->receiver.has_caught_up_with(host);
        status.last_received = std::max(pusher->last_received(), state_->receiver.last_received(host));
        if (!pusher->is_pushing())
            status.last_error = pusher->last_error().empty() ? "not tried yet" : pusher->last_error();
        else if (!status.connected)
            status.last_error = host + " has not connected to this host yet";
        else
            status.last_error = pusher->last_error();
        all.push_back(std::move(status));
    }
    return all;
}

} // namespace mars::tree
