// SPDX-License-Identifier: GPL-2.0-or-later
// TCP streams of the real Net.
#include <catch2/catch.hpp>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "kernel/env/deadline.hpp"
#include "kernel/env/real/fd.hpp"
#include "kernel/env/task_group.hpp"
#include "tests/unit/env/run.hpp"

using namespace mars;
using namespace mars::env;
using namespace mars::env::testing;
using namespace boost::asio::experimental::awaitable_operators;

namespace {

constexpr std::chrono::seconds kSoon{10};

struct Pair {
    std::unique_ptr<Stream> client;
    std::unique_ptr<Stream> server;
};

task<void> make_pair(RealEnv& env, Pair& pair) {
    const Endpoint any{"127.0.0.1", 0};
    auto listener = env.net().listen(any);
    REQUIRE(listener);
    auto [client, server] = co_await (env.net().connect((*listener)->local(), kSoon) && (*listener)->accept());
    REQUIRE(client);
    REQUIRE(server);
    CHECK(client->get()->remote() == (*listener)->local());
    pair.client = std::move(*client);
    pair.server = std::move(*server);
}

} // namespace

TEST_CASE("bytes cross in both directions, and the end is seen") {
    Host host;
    host.run([&]() -> task<void> {
        Pair pair;
        co_await make_pair(host.env, pair);
        std::vector<std::byte> big(5'000'000, std::byte{7}), got(big.size());
        auto [wrote, read] = co_await (pair.client->write(big) && read_exactly(*pair.server, got));
        CHECK(wrote);
        CHECK(read);
        CHECK(got == big);
        auto back = co_await pair.server->write(bytes("bye"));
        CHECK(back);
        pair.server->close();
        pair.server->close();
        std::byte three[3], more[8];
        auto three_read = co_await read_exactly(*pair.client, three);
        CHECK(three_read);
        auto end = co_await pair.client->read_some(more);
        CHECK(end.value() == 0);
        auto early = co_await read_exactly(*pair.client, more);
        CHECK(early.error().is(std::errc::connection_reset));
    });
}

TEST_CASE("close ends a pending read") {
    Host host;
    host.run([&]() -> task<void> {
        Pair pair;
        co_await make_pair(host.env, pair);
        auto close = [&]() -> task<void> {
            pair.client->close();
            co_return;
        };
        std::byte buffer[8];
        auto read = co_await (pair.client->read_some(buffer) && close());
        CHECK_FALSE(read);
    });
}

TEST_CASE("a read can be given up") {
    Host host;
    host.run([&]() -> task<void> {
        Pair pair;
        co_await make_pair(host.env, pair);
        std::byte buffer[8];
        auto late =
            co_await with_deadline(host.env, std::chrono::milliseconds(1), "reading", pair.client->read_some(buffer));
        CHECK(late.error().is(std::errc::timed_out));
    });
}

TEST_CASE("connecting fails clearly") {
    Host host;
    host.run([&]() -> task<void> {
        const Endpoint any{"127.0.0.1", 0}, bad{"localhost", 7777};
        auto listener = host.env.net().listen(any);
        REQUIRE(listener);
        auto at = (*listener)->local();
        CHECK(host.env.net().listen(at).error().is(std::errc::address_in_use));
        listener->reset();
        auto refused = co_await host.env.net().connect(at, kSoon);
        CHECK(refused.error().is(std::errc::connection_refused));
        CHECK(refused.error().text.find(at.text()) != std::string::npos);
        auto named = co_await host.env.net().connect(bad, kSoon);
        CHECK(named.error().is(std::errc::invalid_argument));
    });
}

TEST_CASE("connecting to somebody who does not answer times out") {
    Host host;
    host.run([&]() -> task<void> {
        // A listener whose queue is full answers no further SYN.
        int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        UniqueFd owner(fd);
        sockaddr_in a{};
        a.sin_family = AF_INET;
        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof a;
        REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&a), length) == 0);
        REQUIRE(::listen(fd, 0) == 0);
        REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&a), &length) == 0);
        const Endpoint at{"127.0.0.1", ntohs(a.sin_port)};
        std::vector<std::unique_ptr<Stream>> filling;
        bool timed_out = false;
        for (int i = 0; i < 8 && !timed_out; ++i) {
            auto got = co_await host.env.net().connect(at, std::chrono::milliseconds(100));
            if (got)
                filling.push_back(std::move(*got));
            else
                timed_out = got.error().is(std::errc::timed_out);
        }
        CHECK(timed_out);
    });
}
