// SPDX-License-Identifier: GPL-2.0-or-later
// A reader that takes nothing holds nobody up for longer than the bound, and gets the rest when it takes again.
#include "shell/terminal/stream_writer.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <pty.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

using namespace mars;
using namespace mars::shell;
using Wait = StreamWriter::Wait;

namespace {

struct Ends {
    env::UniqueFd reader, writer;
};

Ends pipe_ends() {
    std::array<int, 2> fds{};
    REQUIRE(::pipe2(fds.data(), O_CLOEXEC) == 0);
    Ends ends;
    ends.reader.reset(fds[0]);
    ends.writer.reset(fds[1]);
    return ends;
}

Ends socket_ends() {
    std::array<int, 2> fds{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) == 0);
    Ends ends;
    ends.reader.reset(fds[0]);
    ends.writer.reset(fds[1]);
    return ends;
}

Ends terminal_ends() {
    int master = -1, slave = -1;
    REQUIRE(::openpty(&master, &slave, nullptr, nullptr, nullptr) == 0);
    Ends ends;
    ends.reader.reset(master);
    ends.writer.reset(slave);
    return ends;
}

// Of what is there now.
std::string taken(int fd) {
    std::string all;
    std::array<char, 65536> buffer{};
    REQUIRE(::fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    for (ssize_t count; (count = ::read(fd, buffer.data(), buffer.size())) > 0;)
        all.append(buffer.data(), static_cast<std::size_t>(count));
    return all;
}

constexpr std::chrono::milliseconds kShort{20};
const std::string kMuch(4 << 20, 'x'); // more than any buffer

} // namespace

TEST_CASE("a pipe and a socket that nobody reads stop a bounded writer for a while only") {
    for (const auto& ends : {pipe_ends(), socket_ends()}) {
        StreamWriter writer(ends.writer.get(), kShort);
        CHECK(writer.write("first\n", Wait::bounded) == 0);
        CHECK(writer.write(kMuch, Wait::bounded) == ETIMEDOUT);
        for (int i = 0; i < 100; ++i) CHECK(writer.write("lost\n", Wait::bounded) == ETIMEDOUT); // at once
        CHECK((::fcntl(ends.writer.get(), F_GETFL) & O_NONBLOCK) == 0);                          // others share it
        const auto before = taken(ends.reader.get());
        CHECK(before.starts_with("first\nxx"));
        CHECK(before.find("lost") == std::string::npos);
        CHECK(writer.write("again\n", Wait::bounded) == 0);
        CHECK(taken(ends.reader.get()) == "\nagain\n"); // on a line of its own
    }
}

TEST_CASE("a terminal that was stopped with Ctrl-S stops a bounded writer for a while only") {
    const auto ends = terminal_ends();
    StreamWriter writer(ends.writer.get(), kShort);
    REQUIRE(::tcflow(ends.writer.get(), TCOOFF) == 0);
    CHECK(writer.write("lost\n", Wait::bounded) == ETIMEDOUT);
    REQUIRE(::tcflow(ends.writer.get(), TCOON) == 0);
    CHECK(writer.write("again\n", Wait::bounded) == 0);
    CHECK(taken(ends.reader.get()) == "again\r\n");
}

TEST_CASE("other errors are told as they are, bounded or not") {
    auto ends = pipe_ends();
    ends.reader.reset();
    for (auto wait : {Wait::bounded, Wait::for_ever}) {
        StreamWriter writer(ends.writer.get(), kShort);
        CHECK(writer.write("x", wait) == EPIPE);
        env::UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
        CHECK(StreamWriter(full.get()).write("x", wait) == ENOSPC);
    }
}
