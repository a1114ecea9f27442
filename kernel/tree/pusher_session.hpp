// SPDX-License-Identifier: GPL-2.0-or-later
// Pusher::Session: one connection to a peer. Only pusher*.cpp know it: pusher.cpp how it begins, ends and is begun
// again, pusher_send.cpp what is sent.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kernel/tree/pusher.hpp"

namespace mars::tree {

// One connection. Shared by the pushing task and the one that reads the replies.
struct Pusher::Session {
    Session(env::Env& env, std::unique_ptr<env::Stream> stream) : channel(env, std::move(stream)), replied(env.lot()) {}

    void end(failure why) {
        if (!ended) ended = std::move(why);
        channel.close();
        replied.notify();
    }

    FrameChannel channel;
    env::Event replied;
    std::string peer_uuid;
    std::uint64_t answered = 0;           // the number of the last reply
    std::optional<std::string> unstored;  // why not all of that could be stored
    std::vector<std::uint32_t> differing; // its contents
    std::optional<failure> ended;
};

} // namespace mars::tree
