// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/export/real/nbd_connection.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "kernel/env/deadline.hpp"

namespace mars::exports {

using env::task;

namespace {

constexpr std::size_t kInputBytes = 128 << 10;
constexpr std::size_t kMaxClaimed = std::size_t{64} << 20; // memory of one client's requests
constexpr std::size_t kMaxRunning = 256;
constexpr std::size_t kMaxGathered = 64; // answers sent by one system call
constexpr int kMaxOptions = 64;          // a client that asks for ever is none
constexpr Duration kHandshakeTime = std::chrono::seconds(30);

failure bad(const std::string& what) {
    return {std::errc::protocol_error, what};
}

} // namespace

NbdConnection::NbdConnection(env::RealEnv& env, block::Device& device, std::string name, Socket socket)
    : env_(env), device_(device), name_(std::move(name)), socket_(std::move(socket)), input_(kInputBytes),
      wake_sender_(env.lot()), room_(env.lot()), requests_(env), sender_(env) {}

task<void> NbdConnection::run(std::function<bool()> admit) {
    auto shaken = co_await with_deadline(env_, kHandshakeTime, "the handshake", shake_hands());
    result<void> ended;
    if (!shaken) {
        ended = shaken.error();
    } else if (*shaken && admit()) {
        sender_.spawn("nbd sender", send_replies());
        ended = co_await transmit();
    }
    if (!ended) { // one that simply goes, at whatever moment, is nothing special
        const auto level = ended.error().is(std::errc::protocol_error) ? env::LogLevel::warning : env::LogLevel::debug;
        env_.log().write(level, name_ + " nbd: client disconnected: " + ended.error().text);
    }
    is_ending_ = true;
    co_await requests_.join();
    wake_sender_.notify();
    co_await sender_.join();
    close(false);
}

void NbdConnection::close(bool now) {
    boost::system::error_code ignored; // not connected any more: fine
    socket_.shutdown(Socket::shutdown_both, ignored);
    socket_.close(ignored);
    is_broken_ = true;
    room_.notify();
    wake_sender_.notify();
    if (now) requests_.cancel();
}

// True: the client has chosen our export, and transmission begins.
task<result<bool>> NbdConnection::shake_hands() {
    MARS_CO_TRY_VOID(co_await send(nbd::greeting()));
    MARS_CO_TRY(bool there, co_await fill(4));
    if (!there) co_return false;
    auto flags = nbd::parse_client_flags(take(4));
    if (flags & ~std::uint32_t{nbd::kFixedNewstyle | nbd::kNoZeroes})
        co_return bad("unknown client flags " + std::to_string(flags));
    bool chosen = false;
    for (int i = 0; i < kMaxOptions; ++i) {
        MARS_CO_TRY(bool more, co_await fill(nbd::kOptionHeaderBytes));
        if (!more) co_return false;
        auto header = nbd::parse_option(take(nbd::kOptionHeaderBytes));
        if (!header) co_return bad("an option without its magic number");
        if (header->length > nbd::kMaxOptionBytes)
            co_return bad("an option of " + std::to_string(header->length) + " bytes");
        MARS_CO_TRY(bool go_on, co_await negotiate(*header, !(flags & nbd::kNoZeroes), chosen));
        if (!go_on) co_return chosen;
    }
    co_return bad("more than " + std::to_string(kMaxOptions) + " options");
}

// Answers one option. True: wait for the next one.
task<result<bool>> NbdConnection::negotiate(nbd::OptionHeader header, bool with_zeroes, bool& chosen) {
    using nbd::Option, nbd::OptionReply;
    nbd::Bytes data(header.length);
    MARS_CO_TRY_VOID(co_await read_into(data));
    nbd::Bytes answer;
    bool go_on = true;
    switch (static_cast<Option>(header.option)) {
    case Option::export_name: {
        std::string name(reinterpret_cast<const char*>(data.data()), data.size());
        if (!is_our_name(name)) co_return bad("no such export: '" + name + "'");
        answer = nbd::export_name_reply(device_.size(), with_zeroes);
        chosen = true;
        go_on = false;
        break;
    }
    case Option::abort:
        answer = nbd::option_reply(header.option, OptionReply::ack);
        go_on = false;
        break;
    case Option::list: {
        if (data.empty()) answer = nbd::list_reply(name_);
        auto end = nbd::option_reply(header.option, data.empty() ? OptionReply::ack : OptionReply::invalid);
        answer.insert(answer.end(), end.begin(), end.end());
        break;
    }
    case Option::info:
    case Option::go: {
        auto name = nbd::parse_info_name(data);
        auto type = !name ? OptionReply::invalid : is_our_name(*name) ? OptionReply::ack : OptionReply::unknown;
        bool accepted = type == OptionReply::ack;
        if (accepted) answer = nbd::info_replies(header.option, device_.size());
        auto end = nbd::option_reply(header.option, type);
        answer.insert(answer.end(), end.begin(), end.end());
        chosen = accepted && static_cast<Option>(header.option) == Option::go;
        go_on = !chosen;
        break;
    }
    default:
        answer = nbd::option_reply(header.option, OptionReply::unsupported);
    }
    MARS_CO_TRY_VOID(co_await send(std::move(answer)));
    co_return go_on;
}

// Takes requests until the client goes.
task<result<void>> NbdConnection::transmit() {
    while (!is_broken_) {
        MARS_CO_TRY(bool there, co_await fill(nbd::kRequestBytes));
        if (!there) break;
        auto request = nbd::parse_request(take(nbd::kRequestBytes));
        if (!request) co_return bad("a request without its magic number");
        if (request->type == static_cast<std::uint16_t>(nbd::Command::disconnect)) break;
        MARS_CO_TRY_VOID(co_await take_request(*request));
    }
    co_return result<void>();
}

task<result<void>> NbdConnection::take_request(nbd::Request request) {
    const auto type = static_cast<nbd::Command>(request.type);
    const bool is_write = type == nbd::Command::write;
    if (is_write && request.length > nbd::kMaxPayload)
        co_return bad("a write of " + std::to_string(request.length) + " bytes");
    const auto error = check(request);
    if (error && is_write) MARS_CO_TRY_VOID(co_await skip(request.length));
    const std::size_t memory = error || type == nbd::Command::flush ? 0 : request.length;
    while (!is_broken_ && (running_ >= kMaxRunning || (claimed_bytes_ > 0 && claimed_bytes_ + memory > kMaxClaimed)))
        co_await room_.wait();
    ++running_;
    claimed_bytes_ += memory;
    if (error) {
        answer(request, error, 0);
    } else if (is_write) {
        auto data = buffers_.take(request.length);
        MARS_CO_TRY_VOID(co_await read_into(data.first(request.length)));
        requests_.spawn("nbd write", write(request, std::move(data)));
    } else if (type == nbd::Command::read) {
        requests_.spawn("nbd read", read(request));
    } else {
        requests_.spawn("nbd flush", flush(request));
    }
    co_return result<void>();
}

// The protocol's error number for a request that the device need not see; else 0.
std::uint32_t NbdConnection::check(const nbd::Request& request) const {
    const auto type = static_cast<nbd::Command>(request.type);
    if (type != nbd::Command::read && type != nbd::Command::write && type != nbd::Command::flush) return EINVAL;
    if (request.flags & ~nbd::kCommandFua) return EINVAL;
    if (type == nbd::Command::flush) return request.offset || request.length ? EINVAL : 0;
    if (request.offset % nbd::kMinBlock || request.length % nbd::kMinBlock) return EINVAL;
    if (request.length > nbd::kMaxPayload) return EOVERFLOW;
    const auto size = device_.size();
    if (request.offset > size || request.length > size - request.offset)
        return type == nbd::Command::write ? ENOSPC : EINVAL;
    return 0;
}

task<void> NbdConnection::read(nbd::Request request) {
    auto data = buffers_.take(request.length);
    auto done = co_await device_.read(request.offset, data.first(request.length));
    if (done)
        answer(request, 0, request.length, std::move(data));
    else
        answer(request, nbd::error_number(done.error()), request.length);
}

task<void> NbdConnection::write(nbd::Request request, Buffer data) {
    const bool fua = request.flags & nbd::kCommandFua;
    auto done = co_await device_.write(request.offset, data.first(request.length), fua);
    answer(request, done ? 0 : nbd::error_number(done.error()), request.length);
}

task<void> NbdConnection::flush(nbd::Request request) {
    auto done = co_await device_.flush();
    answer(request, done ? 0 : nbd::error_number(done.error()), 0);
}

void NbdConnection::answer(const nbd::Request& request, std::uint32_t error, std::size_t claimed, Buffer data) {
    Reply reply;
    reply.header = nbd::simple_reply(request.cookie, error);
    reply.length = data ? request.length : 0;
    reply.data = std::move(data);
    reply.claimed = claimed;
    replies_.push_back(std::move(reply));
    wake_sender_.notify();
}

// Sends what has been answered, many answers at once; ends when nothing can come any more.
task<void> NbdConnection::send_replies() {
    std::vector<env::asio::const_buffer> gathered;
    while (true) {
        while (replies_.empty() && !(is_ending_ && requests_.live() == 0)) co_await wake_sender_.wait();
        if (replies_.empty()) co_return;
        const auto count = std::min(replies_.size(), kMaxGathered);
        gathered.clear();
        for (std::size_t i = 0; i < count; ++i) {
            gathered.push_back(env::asio::buffer(replies_[i].header));
            if (replies_[i].length) gathered.emplace_back(replies_[i].data.data(), replies_[i].length);
        }
        boost::system::error_code error;
        if (!is_broken_)
            co_await env::asio::async_write(socket_, gathered,
                                            env::asio::redirect_error(env::asio::use_awaitable, error));
        if (error) close(false); // ends the reading, too
        for (std::size_t i = 0; i < count; ++i) {
            claimed_bytes_ -= replies_.front().claimed;
            --running_;
            replies_.pop_front();
        }
        room_.notify();
    }
}

task<result<bool>> NbdConnection::fill(std::size_t size) {
    if (input_end_ - input_begin_ < size && input_begin_ > 0) {
        std::memmove(input_.data(), input_.data() + input_begin_, input_end_ - input_begin_);
        input_end_ -= std::exchange(input_begin_, 0);
    }
    while (input_end_ - input_begin_ < size) {
        boost::system::error_code error;
        auto free = env::asio::buffer(input_.data() + input_end_, input_.size() - input_end_);
        input_end_ +=
            co_await socket_.async_read_some(free, env::asio::redirect_error(env::asio::use_awaitable, error));
        if (!error) continue;
        const bool nothing = input_end_ == input_begin_;
        if (nothing || is_broken_) co_return false; // it has gone between two messages, or we do not want any more
        co_return failure(error, "it ended in the middle of a message: " + error.message());
    }
    co_return true;
}

std::span<const std::byte> NbdConnection::take(std::size_t size) {
    auto begin = std::exchange(input_begin_, input_begin_ + size);
    return std::span<const std::byte>(input_).subspan(begin, size);
}

task<result<void>> NbdConnection::read_into(std::span<std::byte> into) {
    auto ready = take(std::min(into.size(), input_end_ - input_begin_));
    if (!ready.empty()) std::memcpy(into.data(), ready.data(), ready.size());
    into = into.subspan(ready.size());
    while (!into.empty()) {
        boost::system::error_code error;
        auto free = env::asio::buffer(into.data(), into.size());
        auto got = co_await socket_.async_read_some(free, env::asio::redirect_error(env::asio::use_awaitable, error));
        if (error) co_return failure(error, "it ended in the middle of a message: " + error.message());
        into = into.subspan(got);
    }
    co_return result<void>();
}

task<result<void>> NbdConnection::skip(std::size_t size) {
    auto waste = buffers_.take(std::min(size, kInputBytes));
    while (size > 0) {
        auto part = std::min(size, kInputBytes);
        MARS_CO_TRY_VOID(co_await read_into(waste.first(part)));
        size -= part;
    }
    co_return result<void>();
}

task<result<void>> NbdConnection::send(nbd::Bytes bytes) {
    boost::system::error_code error;
    co_await env::asio::async_write(socket_, env::asio::buffer(bytes),
                                    env::asio::redirect_error(env::asio::use_awaitable, error));
    if (error) co_return failure(error, "sending failed: " + error.message());
    co_return result<void>();
}

} // namespace mars::exports
