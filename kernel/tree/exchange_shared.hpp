// SPDX-License-Identifier: GPL-2.0-or-later
// What the parts of one Exchange share. Internal to the exchange.
//
// How the trees become equal, and stay so. Each host pushes to every other host over a connection that it has made
// itself (Pusher); what comes in on the connections made by others is merged (Receiver). So two hosts have two
// connections, one for each direction of changes.
//
// 1. A session begins with a compare: digests of all directories go over, then the keys of those that differ. From the
//    moment the digests are taken, each changed path is put into the pusher's dirty set. So while a session lasts,
//    whatever the host has is at the peer, or on the way, or will be sent.
// 2. A change of this host goes to everybody. A change received from S goes to P unless S has said (hello, peers) that
//    it pushes to P itself. That is what keeps the traffic at one copy per host and change.
// 3. What S said may have become wrong before the change arrived at P: S lost P, or S died. Then S says so, or its
//    connection ends, and everybody who relied on it compares with P as a whole. So a change that was not forwarded is
//    always somebody's duty: S's while it pushes to P; ours from the moment on when we hear that it does not. As every
//    host passes the duty only to the one it had the change from, there are no circles. When S loses P and finds it
//    again before telling us, its new session has begun with a compare.
// 4. `.deleted` is not created where nothing is (D3), so "has been sent" does not mean "is there": host P may drop a
//    deletion and be given an older value by another host later. Therefore deletions are forwarded to everybody, and
//    a receiver that is offered an older version than its own sends its own back.
// 5. Barrier keys (M9): a pusher samples them before it reads anything else for a batch or a compare, and sends them at
//    the end. Rule 4's answers leave them out, because they would overtake keys that are still on the way from their
//    writer.
// Every applied version is strictly newer than what was there, so all of this comes to rest.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "kernel/env/env.hpp"
#include "kernel/env/quiet_log.hpp"
#include "kernel/tree/exchange.hpp"
#include "kernel/tree/link_store.hpp"
#include "kernel/tree/tree.hpp"
#include "kernel/tree/tree_digests.hpp"

namespace mars::tree {

inline constexpr std::string_view kAnyUuid = "(any)";
inline constexpr std::size_t kMaxGreetingBytes = std::size_t{64} << 10;

// M1: equal, or one side is still joining. A side without any uuid belongs to no cluster.
inline bool uuids_match(std::string_view ours, std::string_view theirs) {
    return !ours.empty() && !theirs.empty() && (ours == theirs || ours == kAnyUuid || theirs == kAnyUuid);
}

struct ExchangeShared {
    ExchangeShared(env::Env& e, Tree& t, ExchangeOptions o)
        : env(e), tree(t), options(o), quiet(e), digests(t), store(e, t.root(), ".tmp-"), delivered(e.lot()) {}

    std::string uuid() const { return tree.value("uuid"); }
    Stamp sent_now() { return tree.lamport().now(); }

    env::Env& env;
    Tree& tree;
    ExchangeOptions options;
    env::QuietLog quiet;
    TreeDigests digests;
    LinkStore store;      // trigger files only
    env::Event delivered; // some pusher has got rid of everything that it had to send

    // Set by Exchange.
    std::function<std::set<std::string>()> pushed_peers; // whom this host pushes to, compare done
    std::function<void()> pushed_peers_changed;
    std::function<void(const std::string& host, const std::string& path)> send_back; // rule 4
    std::function<void(const std::string& host)> heard_from;                         // `host` has connected: it is up
    std::function<void(const std::string& host)> take_over;                          // rule 3: compare with `host`
};

} // namespace mars::tree
