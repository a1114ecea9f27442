// SPDX-License-Identifier: GPL-2.0-or-later
// The NBD server: with the tools of libnbd, and with clients that break the rules.
#include <catch2/catch.hpp>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>

#include <sys/stat.h>

#include <filesystem>

#include "kernel/env/deadline.hpp"
#include "kernel/export/real/nbd_protocol.hpp"
#include "kernel/export/real/nbd_server.hpp"
#include "tests/unit/export/export_host.hpp"

using namespace mars;
using namespace mars::exports;
using namespace mars::exports::testing;

namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

// Big-endian bytes, as the protocol wants them.
class Message {
  public:
    template<class Int>
    Message& put(Int value) {
        for (std::size_t i = sizeof(Int); i-- > 0;)
            bytes.push_back(static_cast<std::byte>(static_cast<std::uint64_t>(value) >> (8 * i)));
        return *this;
    }
    Message& text(std::string_view t) {
        for (char c : t) bytes.push_back(static_cast<std::byte>(c));
        return *this;
    }
    Message& zeros(std::size_t n) {
        bytes.resize(bytes.size() + n);
        return *this;
    }
    Message& option(std::uint32_t option, std::uint32_t length) {
        return put(nbd::kOptionMagic).put(option).put(length);
    }
    Message& request(std::uint16_t flags, std::uint16_t type, std::uint64_t cookie, std::uint64_t offset,
                     std::uint32_t length) {
        return put(nbd::kRequestMagic).put(flags).put(type).put(cookie).put(offset).put(length);
    }

    nbd::Bytes bytes;
};

Message greeted() {
    return Message().put(std::uint32_t{nbd::kFixedNewstyle | nbd::kNoZeroes});
}
Message opened() {
    return greeted().option(1, 4).text("data");
}
constexpr std::size_t kGreetingBytes = 18;
constexpr std::size_t kOpenedBytes = kGreetingBytes + 10; // what the server has said when it serves us

class NbdHost : public ExportHost {
  public:
    explicit NbdHost(block::Device& device) : path(this->ExportHost::path("data.nbd")) {
        auto made = NbdServer::listen(env, device, "data", path);
        if (!made) FAIL(made.error().text);
        server = std::move(*made);
    }
    std::string uri() const { return "'nbd+unix:///data?socket=" + path + "'"; }

    // Sends `message`, and reads until the server ends, or has said `expected` bytes.
    task<nbd::Bytes> talk(nbd::Bytes message, std::size_t expected = SIZE_MAX) {
        using env::asio::local::stream_protocol;
        stream_protocol::socket socket(env.context());
        boost::system::error_code error;
        auto token = [&error] { return env::asio::redirect_error(env::asio::use_awaitable, error); };
        co_await socket.async_connect(stream_protocol::endpoint(path), token());
        if (!error) co_await env::asio::async_write(socket, env::asio::buffer(message), token());
        nbd::Bytes got;
        error = {};
        while (!error && got.size() < expected) {
            const auto before = got.size();
            got.resize(before + 65536);
            auto count = co_await socket.async_read_some(env::asio::buffer(got.data() + before, 65536), token());
            got.resize(before + count);
        }
        co_return got;
    }

    const std::string path;
    std::unique_ptr<NbdServer> server;
};

std::uint32_t error_of_reply(const nbd::Bytes& got, std::size_t at) {
    std::uint32_t error = 0;
    for (std::size_t i = 4; i < 8; ++i) error = error << 8 | std::to_integer<std::uint32_t>(got.at(at + i));
    return error;
}

} // namespace

TEST_CASE("nbdinfo finds the export, its size and what it can do") {
    RamDevice device(8 * kMiB);
    NbdHost host(device);
    struct stat st {};
    REQUIRE(::stat(host.path.c_str(), &st) == 0);
    CHECK((st.st_mode & 0777) == 0600);
    host.run([&]() -> task<void> {
        int code = co_await host.shell("test $(nbdinfo --size " + host.uri() + ") = 8388608");
        CHECK(code == 0);
        code = co_await host.shell("nbdinfo --size 'nbd+unix:///?socket=" + host.path + "' >/dev/null"); // the default
        CHECK(code == 0);
        code = co_await host.shell("nbdinfo --list " + host.uri() + " | grep -q '^export=\"data\"'");
        CHECK(code == 0);
        for (std::string can : {"flush", "fua", "multi-conn", "write"}) {
            code = co_await host.shell("nbdinfo --can " + can + " " + host.uri());
            INFO(can);
            CHECK(code == 0);
        }
        for (std::string cannot : {"trim", "zero", "cache"}) {
            code = co_await host.shell("nbdinfo --can " + cannot + " " + host.uri());
            INFO(cannot);
            CHECK(code == 2);
        }
        code = co_await host.shell("nbdinfo 'nbd+unix:///other?socket=" + host.path + "' 2>/dev/null");
        CHECK(code != 0);
        co_await host.server->stop(false);
    });
    CHECK_FALSE(std::filesystem::exists(host.path));
}

TEST_CASE("nbdcopy writes and reads the device, with many requests at a time") {
    RamDevice device(24 * kMiB);
    NbdHost host(device);
    auto image = host.ExportHost::path("image"), back = host.ExportHost::path("back");
    host.run([&]() -> task<void> {
        int code = co_await host.shell("head -c 25165824 /dev/urandom > " + image);
        CHECK(code == 0);
        code = co_await host.shell("nbdcopy --flush --requests=64 " + image + " " + host.uri());
        CHECK(code == 0);
        CHECK(device.flushes >= 1);
        code = co_await host.shell("nbdcopy " + host.uri() + " " + back + " && cmp " + image + " " + back);
        CHECK(code == 0);
        bool left = co_await host.eventually(host.server->changed(), [&] { return host.server->clients() == 0; });
        CHECK(left);
        co_await host.server->stop(false);
    });
}

TEST_CASE("clients are counted while they have it open, and can be kept out") {
    RamDevice device(kMiB);
    NbdHost host(device);
    host.run([&]() -> task<void> {
        env::TaskGroup group(host.env);
        nbd::Bytes heard;
        auto stay = [&]() -> task<void> { heard = co_await host.talk(opened().bytes); };
        group.spawn("client", stay());
        bool counted = co_await host.eventually(host.server->changed(), [&] { return host.server->clients() >= 1; });
        CHECK(counted);
        host.server->refuse(true);
        auto refused = co_await host.talk(opened().bytes);
        CHECK(refused.size() == kOpenedBytes); // and then the end
        host.server->refuse(false);
        co_await host.server->stop(true);
        CHECK(host.server->clients() == 0);
        co_await group.join();
        CHECK(heard.size() == kOpenedBytes);
    });
}

TEST_CASE("requests are answered one by one, good ones and bad ones") {
    RamDevice device(kMiB);
    NbdHost host(device);
    struct Case {
        const char* what;
        Message message;
        std::uint32_t error;
    };
    auto request = [](std::uint16_t flags, std::uint16_t type, std::uint64_t cookie, std::uint64_t offset,
                      std::uint32_t length) { return Message().request(flags, type, cookie, offset, length); };
    const std::vector<Case> cases = {
        {"a read", request(0, 0, 7, 512, 512), 0},
        {"a write", request(0, 1, 7, 0, 512).zeros(512), 0},
        {"a write with FUA", request(1, 1, 7, 0, 512).zeros(512), 0},
        {"a flush", request(0, 3, 7, 0, 0), 0},
        {"a read of nothing", request(0, 0, 7, 0, 0), 0},
        {"a flush of a range", request(0, 3, 7, 0, 512), EINVAL},
        {"a read of half a sector", request(0, 0, 7, 0, 256), EINVAL},
        {"a read at half a sector", request(0, 0, 7, 256, 512), EINVAL},
        {"a write of half a sector", request(0, 1, 7, 0, 256).zeros(256), EINVAL},
        {"a read across the end", request(0, 0, 7, kMiB - 512, 1024), EINVAL},
        {"a write across the end", request(0, 1, 7, kMiB - 512, 1024).zeros(1024), ENOSPC},
        {"a read far away", request(0, 0, 7, ~std::uint64_t{511}, 1024), EINVAL},
        {"a huge read", request(0, 0, 7, 0, 0xfffffe00), EOVERFLOW},
        {"trim", request(0, 4, 7, 0, 512), EINVAL},
        {"write zeroes", request(0, 6, 7, 0, 512), EINVAL},
        {"an unknown command", request(0, 99, 7, 0, 0), EINVAL},
        {"an unknown flag", request(0x80, 0, 7, 0, 512), EINVAL},
    };
    host.run([&]() -> task<void> {
        for (const auto& c : cases) {
            auto message = opened();
            message.bytes.insert(message.bytes.end(), c.message.bytes.begin(), c.message.bytes.end());
            message.request(0, 3, 8, 0, 0); // the connection must still work
            message.request(0, 2, 9, 0, 0);
            auto got = co_await host.talk(message.bytes);
            INFO(c.what);
            // Answers may come in any order: the short one of the flush is first or last.
            REQUIRE(got.size() >= kOpenedBytes + 2 * nbd::kReplyBytes);
            std::size_t at = kOpenedBytes;
            if (got.at(at + 15) == std::byte{8}) at += nbd::kReplyBytes;
            CHECK(got.at(at + 15) == std::byte{7});
            CHECK(error_of_reply(got, at) == c.error);
        }
        CHECK(device.fuas == 1);
        co_await host.server->stop(false);
    });
}

TEST_CASE("clients that break the protocol are disconnected, and harm nobody") {
    RamDevice device(kMiB);
    NbdHost host(device);
    Message many = greeted();
    for (int i = 0; i < 1000; ++i) many.option(99, 0);
    struct Case {
        const char* what;
        Message message;
    };
    const std::vector<Case> cases = {
        {"unknown client flags", Message().put(std::uint32_t{0xff})},
        {"text", Message().text("GET / HTTP/1.0\r\n\r\n")},
        {"an option without magic", greeted().zeros(16)},
        {"a huge option", greeted().option(7, 0xffffffff)},
        {"too many options", many},
        {"an unknown export by name", greeted().option(1, 5).text("other")},
        {"an empty request", opened().zeros(nbd::kRequestBytes)},
        {"a reply instead of a request", opened().put(nbd::kReplyMagic).zeros(24)},
        {"a huge write", opened().request(0, 1, 1, 0, 0xffffffff)},
        {"noise after open", opened().text(std::string(4096, '\xa5'))},
    };
    host.run([&]() -> task<void> {
        for (const auto& c : cases) {
            auto talk = [&]() -> task<result<nbd::Bytes>> { co_return co_await host.talk(c.message.bytes); };
            auto got = co_await with_deadline(host.env, std::chrono::seconds(20), c.what, talk());
            INFO(c.what);
            CHECK(got); // the server has ended it
        }
        auto ok = opened().request(0, 2, 1, 0, 0);
        auto got = co_await host.talk(ok.bytes);
        CHECK(got.size() == kOpenedBytes);
        CHECK(device.writes == 0);
        co_await host.server->stop(false);
    });
}

TEST_CASE("malformed options get their answer, and negotiation goes on") {
    RamDevice device(kMiB);
    NbdHost host(device);
    struct Case {
        const char* what;
        Message message;
        std::uint32_t reply;
    };
    const std::vector<Case> cases = {
        {"a list with data", greeted().option(3, 4).text("data"), 0x80000003},
        {"go without lengths", greeted().option(7, 0), 0x80000003},
        {"go with a name longer than the option", greeted().option(7, 6).put(std::uint32_t{100}).put(std::uint16_t{0}),
         0x80000003},
        {"go with too many wishes", greeted().option(7, 6).put(std::uint32_t{0}).put(std::uint16_t{5}), 0x80000003},
        {"go to another export", greeted().option(7, 7).put(std::uint32_t{1}).text("x").put(std::uint16_t{0}),
         0x80000006},
        {"structured replies", greeted().option(8, 0), 0x80000001},
        {"TLS", greeted().option(5, 0), 0x80000001},
        {"an unknown option", greeted().option(4711, 3).text("abc"), 0x80000001},
    };
    host.run([&]() -> task<void> {
        for (const auto& c : cases) {
            auto message = c.message;
            message.option(2, 0); // abort: acknowledged
            auto got = co_await host.talk(message.bytes);
            INFO(c.what);
            REQUIRE(got.size() == kGreetingBytes + 20 + 20);
            std::uint32_t reply = 0;
            for (std::size_t i = 12; i < 16; ++i)
                reply = reply << 8 | std::to_integer<std::uint32_t>(got.at(kGreetingBytes + i));
            CHECK(reply == c.reply);
        }
        co_await host.server->stop(false);
    });
}

TEST_CASE("a client that sends much and reads late gets all its answers") {
    RamDevice device(kMiB);
    NbdHost host(device);
    constexpr std::size_t kRequests = 300;
    host.run([&]() -> task<void> {
        auto message = opened();
        for (std::size_t i = 0; i < kRequests; ++i) message.request(0, 0, i, 0, kMiB);
        message.request(0, 2, 0, 0, 0);
        const auto all = kOpenedBytes + kRequests * (nbd::kReplyBytes + kMiB);
        auto got = co_await host.talk(message.bytes, all);
        CHECK(got.size() == all);
        CHECK(device.reads == kRequests);
        co_await host.server->stop(false);
    });
}

TEST_CASE("a socket path that is taken by something else is left alone") {
    ExportHost host;
    RamDevice device(kMiB);
    std::ofstream(host.path("taken")) << "precious";
    CHECK(NbdServer::listen(host.env, device, "data", host.path("taken")).error().is(std::errc::file_exists));
    CHECK(first_line(host.path("taken")) == "precious");
    CHECK(NbdServer::listen(host.env, device, "data", host.path(std::string(200, 'x')))
              .error()
              .is(std::errc::filename_too_long));
}
