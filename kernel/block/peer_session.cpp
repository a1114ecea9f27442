// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/block/peer_session.hpp"

#include <algorithm>
#include <cstring>

#include "kernel/env/deadline.hpp"

namespace mars::block {

namespace {

constexpr std::size_t kInputBytes = std::size_t{64} << 10;
constexpr std::size_t kIdleInputBytes = std::size_t{1} << 10;
constexpr std::size_t kWriteBytes = std::size_t{256} << 10;

long long whole_seconds(Duration d) {
    return std::chrono::duration_cast<std::chrono::seconds>(d).count();
}

} // namespace

PeerSession::PeerSession(env::Env& env, std::unique_ptr<env::Stream> stream, SessionLimits limits)
    : env_(env), stream_(std::move(stream)), limits_(limits), remote_(stream_->remote()), queued_(env.lot()),
      room_(env.lot()), life_(limits.life), stirred_(env.lot()), input_(kIdleInputBytes) {}

env::task<result<void>> PeerSession::send(OutFrame frame) {
    while (queued_bytes_ >= limits_.queue_bytes) co_await room_.wait();
    queue(std::move(frame));
    stir();
    co_return result<void>();
}

void PeerSession::queue(OutFrame frame) {
    queued_bytes_ += frame.size();
    queue_.push_back(std::move(frame));
    queued_.notify();
}

void PeerSession::stir() {
    const bool was_resting = life_.is_resting();
    life_.stir();
    if (was_resting) stirred_.notify();
}

void PeerSession::ask_for_sign() {
    const bool was_resting = life_.is_resting();
    const auto sign = life_.ask(env_.clock().steady());
    if (!sign) return;
    queue(encode_alive(*sign));
    if (was_resting) stirred_.notify();
}

result<void> PeerSession::take_sign(const Frame& frame) {
    MARS_TRY(const auto sign, parse_alive(frame.payload));
    life_.heard(sign);
    if (sign.wants_answer && queue_.empty()) queue(encode_alive(life_.answer())); // else more comes anyway
    return {};
}

env::task<result<void>> PeerSession::drain() {
    while (queued_bytes_ > 0) co_await room_.wait();
    co_return result<void>();
}

env::task<failure> PeerSession::write_queue() {
    for (;;) {
        while (queue_.empty()) co_await queued_.wait();
        auto frame = std::move(queue_.front());
        queue_.pop_front();
        for (std::size_t sent = 0; sent < frame.size();) { // in pieces: a slow line is not a stuck one
            auto piece = std::span(frame).subspan(sent, std::min(kWriteBytes, frame.size() - sent));
            writing_since_ = env_.clock().steady();
            auto written = co_await stream_->write(piece);
            writing_since_.reset();
            if (!written) co_return written.error();
            sent += piece.size();
            bytes_sent_ += piece.size();
        }
        queued_bytes_ -= frame.size();
        room_.notify();
    }
}

std::optional<failure> PeerSession::overdue() const {
    auto now = env_.clock().steady();
    if (listening_since_ && life_.is_overdue(now, *listening_since_))
        return failure(std::errc::timed_out, "nothing was heard from " + remote_.text() + " for " +
                                                 std::to_string(whole_seconds(now - *listening_since_)) + " s");
    if (writing_since_ && now - *writing_since_ >= limits_.stuck)
        return failure(std::errc::timed_out, remote_.text() + " has taken nothing off the line for " +
                                                 std::to_string(whole_seconds(now - *writing_since_)) + " s");
    return std::nullopt;
}

env::task<failure> PeerSession::pulse() {
    for (;;) {
        const bool is_woken = co_await env::wait_for(env_, stirred_, life_.pause());
        if (is_woken) continue;
        if (auto late = overdue()) co_return *std::move(late);
        const auto sign = life_.look(!queue_.empty() || writing_since_);
        if (sign) queue(encode_alive(*sign));
    }
}

env::task<result<std::size_t>> PeerSession::read_some(std::span<std::byte> into) {
    listening_since_ = env_.clock().steady();
    auto got = co_await stream_->read_some(into);
    listening_since_.reset();
    if (got) bytes_received_ += *got;
    life_.end_asking();
    co_return got;
}

// Makes at least `count` bytes (at most kInputBytes) available in the input buffer, which is small while little comes.
// False: the peer has hung up, and nothing is there.
env::task<result<bool>> PeerSession::fill(std::size_t count) {
    if (input_begin_ == input_end_) {
        input_begin_ = input_end_ = 0;
        if (life_.is_resting() && input_.size() > kIdleInputBytes)
            input_ = std::vector<std::byte>(std::max(count, kIdleInputBytes));
    }
    if (count > input_.size()) input_.resize(kInputBytes);
    if (input_begin_ + count > input_.size()) {
        std::memmove(input_.data(), input_.data() + input_begin_, input_end_ - input_begin_);
        input_end_ -= input_begin_;
        input_begin_ = 0;
    }
    while (input_end_ - input_begin_ < count) {
        MARS_CO_TRY(std::size_t got, co_await read_some(std::span(input_).subspan(input_end_)));
        if (got == 0 && input_end_ == input_begin_) co_return false;
        if (got == 0)
            co_return failure(std::errc::connection_reset,
                              "connection to " + remote_.text() + " ended in the middle of a message");
        input_end_ += got;
        if (input_end_ == input_.size() && input_.size() < kInputBytes) input_.resize(kInputBytes); // there is more
    }
    co_return true;
}

// Takes what the input buffer has; what is missing is read past the buffer, without a further copy.
env::task<result<void>> PeerSession::read_payload(std::span<std::byte> into) {
    auto ready = std::min(into.size(), input_end_ - input_begin_);
    std::copy_n(input_.begin() + static_cast<std::ptrdiff_t>(input_begin_), ready, into.begin());
    input_begin_ += ready;
    into = into.subspan(ready);
    while (into.size() >= kInputBytes) {
        MARS_CO_TRY(std::size_t got, co_await read_some(into));
        if (got == 0)
            co_return failure(std::errc::connection_reset,
                              "connection to " + remote_.text() + " ended in the middle of a message");
        into = into.subspan(got);
    }
    if (into.empty()) co_return result<void>();
    MARS_CO_TRY(bool more, co_await fill(into.size()));
    if (!more)
        co_return failure(std::errc::connection_reset,
                          "connection to " + remote_.text() + " ended in the middle of a message");
    std::copy_n(input_.begin() + static_cast<std::ptrdiff_t>(input_begin_), into.size(), into.begin());
    input_begin_ += into.size();
    co_return result<void>();
}

env::task<result<std::optional<Frame>>> PeerSession::receive() {
    for (;;) {
        MARS_CO_TRY(bool more, co_await fill(format::kFrameHeaderBytes));
        if (!more) co_return std::optional<Frame>();
        auto bytes = std::span<const std::byte>(input_).subspan(input_begin_).first<format::kFrameHeaderBytes>();
        MARS_CO_TRY(format::FrameHeader header, format::decode_header(bytes));
        if (header.length > max_payload_)
            co_return failure(std::errc::message_size, "a message of " + std::to_string(header.length) +
                                                           " bytes from " + remote_.text() + ", expected at most " +
                                                           std::to_string(max_payload_));
        input_begin_ += format::kFrameHeaderBytes;
        Frame frame{header.type, std::vector<std::byte>(header.length)};
        MARS_CO_TRY_VOID(co_await read_payload(frame.payload));
        MARS_CO_TRY_VOID(format::check_payload(header, frame.payload));
        if (!frame.is(SessionMessage::alive)) {
            const bool was_resting = life_.is_resting();
            life_.heard_message();
            if (was_resting) stirred_.notify();
            co_return std::optional<Frame>(std::move(frame));
        }
        MARS_CO_TRY_VOID(take_sign(frame));
    }
}

env::task<result<Frame>> PeerSession::expect() {
    MARS_CO_TRY(std::optional<Frame> frame, co_await receive());
    if (!frame) co_return failure(std::errc::connection_reset, remote_.text() + " has ended the connection");
    co_return *std::move(frame);
}

env::task<result<void>> PeerSession::until_hung_up() {
    for (;;) {
        MARS_CO_TRY(std::optional<Frame> frame, co_await receive());
        if (!frame) co_return result<void>();
    }
}

env::task<result<void>> PeerSession::say_farewell(OutFrame last) {
    MARS_CO_TRY_VOID(co_await send(std::move(last)));
    MARS_CO_TRY_VOID(co_await drain());
    // How the peer ends it does not matter any more.
    (void)co_await env::with_deadline(env_, limits_.farewell, "hanging up", until_hung_up());
    co_return result<void>();
}

env::task<result<std::optional<std::string>>> greet(PeerSession& session, Hello hello, std::string expected_host) {
    MARS_CO_TRY_VOID(co_await session.send(encode_hello(hello)));
    MARS_CO_TRY(Frame answer,
                co_await env::with_deadline(session.env(), session.limits().handshake,
                                            "the handshake with " + session.remote().text(), session.expect()));
    if (answer.is(SessionMessage::refused)) {
        MARS_CO_TRY(std::string reason, parse_text(answer.payload));
        co_return std::optional<std::string>(std::move(reason));
    }
    if (!answer.is(SessionMessage::welcome))
        co_return failure(std::errc::protocol_error,
                          session.remote().text() + " answered a greeting by message " + std::to_string(answer.type));
    MARS_CO_TRY(Welcome welcome, parse_welcome(answer.payload));
    if (welcome.host != expected_host || welcome.uuid != hello.uuid)
        co_return failure(std::errc::permission_denied, session.remote().text() + " is host '" + welcome.host +
                                                            "' of cluster '" + welcome.uuid + "', expected '" +
                                                            expected_host + "' of '" + hello.uuid +
                                                            "'; check the addresses in ips/");
    co_return std::optional<std::string>();
}

env::task<result<std::optional<std::string>>> greet(PeerSession& session, PeerPlan plan, Purpose purpose) {
    Hello hello;
    hello.host = session.env().hostname();
    hello.uuid = std::move(plan.uuid);
    hello.purpose = purpose;
    hello.resource = std::move(plan.resource);
    co_return co_await greet(session, std::move(hello), std::move(plan.peer_host));
}

} // namespace mars::block
