// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/env/real/net.hpp"

#include "kernel/env/real/port_holder.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

namespace mars::env {

namespace {

using asio::ip::tcp;
using boost::system::error_code;

constexpr int kUserTimeoutMs = 30'000; // unacknowledged data for so long: the connection is dead
constexpr int kKeepIdleSec = 75;       // later than programs that rest say something themselves
constexpr int kKeepIntervalSec = 5;
constexpr int kKeepCount = 4;

// Tuning, not correctness: a socket without these options still works, so failures are not reported.
void tune(tcp::socket& socket) {
    auto set = [fd = socket.native_handle()](int level, int option, int value) {
        (void)::setsockopt(fd, level, option, &value, sizeof value);
    };
    set(IPPROTO_TCP, TCP_NODELAY, 1);
    set(IPPROTO_TCP, TCP_USER_TIMEOUT, kUserTimeoutMs);
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, kKeepIdleSec);
    set(IPPROTO_TCP, TCP_KEEPINTVL, kKeepIntervalSec);
    set(IPPROTO_TCP, TCP_KEEPCNT, kKeepCount);
}

failure net_failure(const error_code& error, const std::string& what) {
    return {error, what + ": " + error.message()};
}

Endpoint endpoint_of(const tcp::endpoint& e) {
    return {e.address().to_string(), e.port()};
}

result<tcp::endpoint> parse(const Endpoint& at) {
    if (at.address.empty()) return tcp::endpoint(tcp::v4(), at.port);
    error_code error;
    auto address = asio::ip::make_address_v4(at.address, error);
    if (error) return failure(std::errc::invalid_argument, "'" + at.address + "' is not an IPv4 address");
    return tcp::endpoint(address, at.port);
}

class RealStream final : public Stream {
  public:
    RealStream(tcp::socket socket, Endpoint remote) : socket_(std::move(socket)), remote_(std::move(remote)) {
        tune(socket_);
    }
    ~RealStream() override { close(); }

    task<result<std::size_t>> read_some(std::span<std::byte> into) override {
        error_code error;
        auto got = co_await socket_.async_read_some(asio::buffer(into.data(), into.size()),
                                                    asio::redirect_error(asio::use_awaitable, error));
        if (error == asio::error::eof) co_return std::size_t{0};
        if (error) co_return net_failure(error, "reading from " + remote_.text());
        co_return got;
    }

    task<result<void>> write(std::span<const std::byte> data) override {
        error_code error;
        co_await asio::async_write(socket_, asio::buffer(data.data(), data.size()),
                                   asio::redirect_error(asio::use_awaitable, error));
        if (error) co_return net_failure(error, "writing to " + remote_.text());
        co_return result<void>();
    }

    void close() noexcept override {
        error_code ignored; // not connected any more: fine
        socket_.shutdown(tcp::socket::shutdown_both, ignored);
        socket_.close(ignored);
    }

    Endpoint remote() const override { return remote_; }

  private:
    tcp::socket socket_;
    Endpoint remote_;
};

bool is_passing(const error_code& error) {
    return error == asio::error::connection_aborted || error == asio::error::connection_reset ||
           error == asio::error::interrupted;
}

class RealListener final : public Listener {
  public:
    RealListener(tcp::acceptor acceptor, Endpoint local) : acceptor_(std::move(acceptor)), local_(std::move(local)) {}

    task<result<std::unique_ptr<Stream>>> accept() override {
        while (true) {
            error_code error;
            tcp::socket socket(acceptor_.get_executor());
            tcp::endpoint from;
            co_await acceptor_.async_accept(socket, from, asio::redirect_error(asio::use_awaitable, error));
            if (is_passing(error)) continue; // that client gave up; the next one may not
            if (error) co_return net_failure(error, "accepting on " + local_.text());
            std::unique_ptr<Stream> stream = std::make_unique<RealStream>(std::move(socket), endpoint_of(from));
            co_return std::move(stream);
        }
    }

    Endpoint local() const override { return local_; }

  private:
    tcp::acceptor acceptor_;
    Endpoint local_;
};

task<error_code> connect_socket(tcp::socket& socket, tcp::endpoint to) {
    error_code error;
    co_await socket.async_connect(to, asio::redirect_error(asio::use_awaitable, error));
    co_return error;
}

task<void> wait_timer(asio::steady_timer& timer) {
    error_code ignored; // cancelled: the connect was first
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

} // namespace

task<result<std::unique_ptr<Stream>>> RealNet::connect(Endpoint to, Duration timeout) {
    using namespace asio::experimental::awaitable_operators;
    MARS_CO_TRY(auto address, parse(to));
    tcp::socket socket(context_);
    asio::steady_timer timer(context_, timeout);
    auto first = co_await (connect_socket(socket, address) || wait_timer(timer));
    if (first.index() == 1) co_return failure(std::errc::timed_out, "no answer from " + to.text());
    auto error = std::get<0>(first);
    if (error) co_return net_failure(error, "cannot connect to " + to.text());
    std::unique_ptr<Stream> stream = std::make_unique<RealStream>(std::move(socket), std::move(to));
    co_return std::move(stream);
}

result<std::unique_ptr<Listener>> RealNet::listen(Endpoint at) {
    MARS_TRY(auto address, parse(at));
    tcp::acceptor acceptor(context_);
    error_code error;
    acceptor.open(address.protocol(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(address, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error == asio::error::address_in_use)
        if (const auto holder = port_holder(at.port); !holder.empty()) {
            auto why = net_failure(error, "cannot listen on " + at.text() + ", which " + holder + " has");
            why.text += "; next: end that; see ss -tlnp 'sport = :" + std::to_string(at.port) + "'";
            return why;
        }
    if (error) return net_failure(error, "cannot listen on " + at.text());
    auto local = endpoint_of(acceptor.local_endpoint(error));
    return std::unique_ptr<Listener>(std::make_unique<RealListener>(std::move(acceptor), std::move(local)));
}

} // namespace mars::env
