// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/tree/frame_channel.hpp"

#include "kernel/env/deadline.hpp"

namespace mars::tree {

FrameChannel::FrameChannel(env::Env& env, std::unique_ptr<env::Stream> stream)
    : env_(env), stream_(std::move(stream)), remote_(stream_->remote()) {}

FrameChannel::~FrameChannel() = default;

void FrameChannel::close() noexcept {
    stream_->close();
}

env::task<result<void>> FrameChannel::send(ExchangeMessage type, Bytes payload, Duration limit) {
    const auto frame = format::encode_frame(static_cast<std::uint16_t>(type), payload);
    co_return co_await env::with_deadline(env_, limit, "sending to " + remote_.text(), stream_->write(frame));
}

env::task<result<std::optional<Frame>>> FrameChannel::receive(std::size_t max_payload, Duration limit) {
    auto what = "waiting for a message from " + remote_.text();
    co_return co_await env::with_deadline(env_, limit, std::move(what), receive_now(max_payload));
}

env::task<result<std::optional<Frame>>> FrameChannel::receive_now(std::size_t max_payload) {
    std::array<std::byte, format::kFrameHeaderBytes> head;
    const std::span<std::byte> bytes(head);
    MARS_CO_TRY(const std::size_t got, co_await stream_->read_some(bytes));
    if (got == 0) co_return std::optional<Frame>();
    MARS_CO_TRY_VOID(co_await env::read_exactly(*stream_, bytes.subspan(got)));
    MARS_CO_TRY(const auto header, format::decode_header(head));
    if (header.length > max_payload) {
        failure too_long(std::errc::message_size, "expected at most " + std::to_string(max_payload) +
                                                      " bytes in this state, found a frame of " +
                                                      std::to_string(header.length));
        co_return too_long;
    }
    Frame frame;
    frame.type = header.type;
    frame.payload.resize(header.length);
    MARS_CO_TRY_VOID(co_await env::read_exactly(*stream_, frame.payload));
    MARS_CO_TRY_VOID(format::check_payload(header, frame.payload));
    co_return std::optional<Frame>(std::move(frame));
}

} // namespace mars::tree
