// SPDX-License-Identifier: GPL-2.0-or-later
// NbdConnection: one client of an NBD export, from its first byte to its last. Requests run concurrently; the memory
// that they and their unsent answers take is bounded, the client is not read any further meanwhile. A client that
// breaks the protocol is disconnected and named in the log. Runs on: the env's io_context. Tests:
// tests/unit/export/nbd_test.cpp.
#pragma once

#include <boost/asio/local/stream_protocol.hpp>

#include <deque>
#include <functional>
#include <string>

#include "kernel/block/device.hpp"
#include "kernel/env/event.hpp"
#include "kernel/env/real/real_env.hpp"
#include "kernel/env/task_group.hpp"
#include "kernel/export/real/buffers.hpp"
#include "kernel/export/real/nbd_protocol.hpp"

namespace mars::exports {

class NbdConnection {
  public:
    using Socket = env::asio::local::stream_protocol::socket;

    NbdConnection(env::RealEnv& env, block::Device& device, std::string name, Socket socket);

    // Talks with the client until it goes, errs, or close() is called. `admit` is asked when it opens the device;
    // refused clients are disconnected. Never throws; do not cancel it, call close().
    env::task<void> run(std::function<bool()> admit);
    // Ends the connection; run() returns soon after. Requests that run come to their end, or are cancelled with `now`.
    void close(bool now);

  private:
    struct Reply {
        std::array<std::byte, nbd::kReplyBytes> header;
        Buffer data;
        std::size_t length = 0;  // of data
        std::size_t claimed = 0; // memory to give free when it has been sent
    };

    env::task<result<bool>> shake_hands();
    env::task<result<bool>> negotiate(nbd::OptionHeader header, bool with_zeroes, bool& chosen);
    env::task<result<void>> transmit();
    env::task<result<void>> take_request(nbd::Request request);
    env::task<result<void>> skip(std::size_t size);
    std::uint32_t check(const nbd::Request& request) const;
    env::task<void> read(nbd::Request request);
    env::task<void> write(nbd::Request request, Buffer data);
    env::task<void> flush(nbd::Request request);
    // claimed: memory of the request. data: for a read that has succeeded.
    void answer(const nbd::Request& request, std::uint32_t error, std::size_t claimed, Buffer data = {});
    env::task<void> send_replies();

    // At least `size` bytes are in input_ afterwards. False: the client has ended before the first of them.
    env::task<result<bool>> fill(std::size_t size);
    std::span<const std::byte> take(std::size_t size);
    env::task<result<void>> read_into(std::span<std::byte> into);
    env::task<result<void>> send(nbd::Bytes bytes);
    bool is_our_name(const std::string& name) const { return name.empty() || name == name_; }

    env::RealEnv& env_;
    block::Device& device_;
    const std::string name_;
    Socket socket_;
    nbd::Bytes input_;
    std::size_t input_begin_ = 0, input_end_ = 0;
    BufferPool buffers_;
    std::size_t claimed_bytes_ = 0;
    std::size_t running_ = 0; // requests whose answer has not been sent
    std::deque<Reply> replies_;
    bool is_ending_ = false; // no further requests
    bool is_broken_ = false; // nothing can be sent any more
    env::Event wake_sender_;
    env::Event room_;
    env::TaskGroup requests_;
    env::TaskGroup sender_;
};

} // namespace mars::exports
