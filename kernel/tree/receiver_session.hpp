// SPDX-License-Identifier: GPL-2.0-or-later
// Receiver::Session: one connection from a peer. Only receiver*.cpp know it: receiver.cpp who may connect and what is
// said, receiver_merge.cpp what becomes of the keys that arrive.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "kernel/tree/receiver.hpp"

namespace mars::tree {

struct Receiver::Session {
    Session(env::Env& env, std::unique_ptr<env::Stream> stream) : channel(env, std::move(stream)) {}

    FrameChannel channel;
    std::string host; // set by the greeting
    std::string uuid;
    std::set<std::string> peers; // whom `host` pushes to itself
    Duration last_received{};
    bool has_caught_up = false;   // a whole batch has arrived, the first one being the compare's result
    bool lacks_some = false;      // of this batch, because it could not be stored
    std::optional<failure> ended; // by us
};

} // namespace mars::tree
