// SPDX-License-Identifier: GPL-2.0-or-later
// PeerSession: one connection that carries frames in both directions, with a bounded queue in front of the line,
// signs of life while idle, and a deadline on everything: a peer that falls silent, or takes nothing off the line, ends
// the session. Both sides of fetch (7778) and sync (7779) talk through it.
// Runs on: the host's executor. Owns: the stream, frames waiting to be sent (bytes bounded), one input buffer.
// Use: run(body); send() and receive() only inside the body, receive() by one task at a time.
// Format: docs/formats/fetch.md. Tests: tests/unit/block/net_session_test.cpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernel/block/concurrently.hpp"
#include "kernel/block/peer_messages.hpp"
#include "kernel/block/signs_of_life.hpp"
#include "kernel/env/env.hpp"

namespace mars::block {

// So many bytes received are a sign of progress, fewer may be signs of life only.
inline constexpr std::uint64_t kProgressBytes = 1024;

struct SessionLimits {
    Duration handshake = std::chrono::seconds(10);
    LifeLimits life;
    Duration stuck = std::chrono::seconds(120);  // the peer lives, but takes nothing off the line
    Duration farewell = std::chrono::seconds(5); // for the peer to see the last message and to hang up
    std::size_t queue_bytes = std::size_t{4} << 20;
};

class PeerSession {
  public:
    PeerSession(env::Env& env, std::unique_ptr<env::Stream> stream, SessionLimits limits = {});
    PeerSession(const PeerSession&) = delete;
    PeerSession& operator=(const PeerSession&) = delete;

    // Runs `body` until it ends or the connection fails, then closes. Result: the body's, or the connection's failure
    // (timed_out, connection_reset, …). When it returns nothing of the session runs any more.
    template<class T>
    env::task<result<T>> run(env::task<result<T>> body);

    // Queues a frame; suspends while the queue is full. Success means queued.
    env::task<result<void>> send(OutFrame frame);
    // The next message that is not `alive`; nullopt when the peer has hung up between two messages.
    // Errors: of the stream, and everything that decode_header() and check_payload() find.
    env::task<result<std::optional<Frame>>> receive();
    // The next message, which has to come: a peer that has hung up is connection_reset. `refused` and `failed` arrive
    // as frames like all others.
    env::task<result<Frame>> expect();
    // The peer may not be there any more, or not hear us: it shall give a sign of life now.
    void ask_for_sign();
    // Waits until everything queued has been handed to the transport.
    env::task<result<void>> drain();
    // Sends the last message of this session and waits (limits.farewell) until the peer has hung up, so that closing
    // does not overtake the message.
    env::task<result<void>> say_farewell(OutFrame last);

    // Longer messages end the session with message_size, before memory is taken for them.
    void expect_at_most(std::size_t payload_bytes) { max_payload_ = payload_bytes; }

    env::Env& env() { return env_; }
    const SessionLimits& limits() const { return limits_; }
    env::Endpoint remote() const { return remote_; }
    std::uint64_t bytes_sent() const { return bytes_sent_; }
    std::uint64_t bytes_received() const { return bytes_received_; }

  private:
    template<class T>
    static env::task<result<T>> only_fails(env::task<failure> t);
    env::task<failure> write_queue();
    env::task<failure> pulse();
    void queue(OutFrame frame);
    void stir();
    result<void> take_sign(const Frame& frame);
    std::optional<failure> overdue() const;
    env::task<result<void>> until_hung_up();

    env::task<result<std::size_t>> read_some(std::span<std::byte> into);
    env::task<result<bool>> fill(std::size_t count);
    env::task<result<void>> read_payload(std::span<std::byte> into);

    env::Env& env_;
    std::unique_ptr<env::Stream> stream_;
    SessionLimits limits_;
    env::Endpoint remote_;

    std::deque<OutFrame> queue_;
    std::size_t queued_bytes_ = 0; // counted until written
    env::Event queued_;
    env::Event room_;
    std::optional<Duration> writing_since_;
    SignsOfLife life_;
    env::Event stirred_; // a rest is over

    std::size_t max_payload_ = format::kMaxFramePayload;
    std::vector<std::byte> input_;
    std::size_t input_begin_ = 0;
    std::size_t input_end_ = 0;
    std::optional<Duration> listening_since_; // set while a read waits; the time of its begin

    std::uint64_t bytes_sent_ = 0;
    std::uint64_t bytes_received_ = 0;
};

// Whom a client talks to, and about what.
struct PeerPlan {
    env::Endpoint peer;
    std::string peer_host; // the peer must be this host …
    std::string uuid;      // … of this cluster
    std::string resource;
};

// The client's half of the handshake. Result: nullopt when welcome, or the server's reason for refusing.
// Errors: the peer is not the host or cluster that was expected (permission_denied), or the connection fails.
env::task<result<std::optional<std::string>>> greet(PeerSession& session, Hello hello, std::string expected_host);
env::task<result<std::optional<std::string>>> greet(PeerSession& session, PeerPlan plan, Purpose purpose);

template<class T>
env::task<result<T>> PeerSession::only_fails(env::task<failure> t) {
    co_return co_await std::move(t);
}

template<class T>
env::task<result<T>> PeerSession::run(env::task<result<T>> body) {
    std::vector<env::task<result<T>>> tasks;
    tasks.push_back(std::move(body));
    tasks.push_back(only_fails<T>(write_queue()));
    tasks.push_back(only_fails<T>(pulse()));
    auto ended = co_await first_of(std::move(tasks));
    stream_->close();
    co_return ended;
}

} // namespace mars::block
