// SPDX-License-Identifier: GPL-2.0-or-later
// FrameChannel: whole frames on one stream, each with a deadline. After any failure the channel is of no further use.
// Runs on: the host's executor; one sender and one receiver at a time. Owns: the stream.
// Format: docs/formats/wire.md. Tests: tests/unit/tree/exchange_*.cpp.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "kernel/env/env.hpp"
#include "kernel/tree/exchange_messages.hpp"

namespace mars::tree {

struct Frame {
    std::uint16_t type = 0;
    Bytes payload;

    bool is(ExchangeMessage t) const { return type == static_cast<std::uint16_t>(t); }
};

class FrameChannel {
  public:
    FrameChannel(env::Env& env, std::unique_ptr<env::Stream> stream);
    ~FrameChannel();

    // Success means handed to the transport. Errors: timed_out, or the stream's.
    env::task<result<void>> send(ExchangeMessage type, Bytes payload, Duration limit);
    // The next frame; nullopt when the peer has hung up between two frames. A frame that announces more than
    // `max_payload` bytes fails with message_size before memory is taken for it.
    env::task<result<std::optional<Frame>>> receive(std::size_t max_payload, Duration limit);
    void close() noexcept;

    const env::Endpoint& remote() const { return remote_; }

  private:
    env::task<result<std::optional<Frame>>> receive_now(std::size_t max_payload);

    env::Env& env_;
    std::unique_ptr<env::Stream> stream_;
    env::Endpoint remote_;
};

} // namespace mars::tree
