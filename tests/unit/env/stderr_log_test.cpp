// SPDX-License-Identifier: GPL-2.0-or-later
// The log of a program whose output nobody reads: it goes on, and says later what was lost.
#include "kernel/env/real/stderr_log.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "kernel/env/real/fd.hpp"

using namespace mars;
using namespace mars::env;

namespace {

struct Pipe {
    Pipe() {
        int ends[2];
        REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        out = UniqueFd(ends[0]);
        in = UniqueFd(ends[1]);
        REQUIRE(::fcntl(out.get(), F_SETFL, O_NONBLOCK) == 0);
    }
    std::string read_all() {
        std::string all(1 << 16, '\0'), text;
        for (ssize_t got; (got = ::read(out.get(), all.data(), all.size())) > 0;)
            text.append(all, 0, static_cast<std::size_t>(got));
        return text;
    }
    UniqueFd out, in;
};

} // namespace

TEST_CASE("a log that nobody reads never waits; what is lost is counted where it is missing") {
    Pipe pipe;
    auto log = make_stderr_log(LogLevel::info, LogFormat::journal, pipe.in.get());
    constexpr int kLines = 30000;
    const std::string filler(100, 'x');
    for (int i = 0; i < kLines; ++i) log->info("line " + std::to_string(i) + " " + filler);
    std::string text;
    for (auto part = pipe.read_all(); !part.empty(); part = pipe.read_all()) {
        text += part;
        log->flush();
    }
    const auto lost_at = text.find(" lines were lost here");
    REQUIRE(lost_at != std::string::npos);
    const auto line_begin = text.rfind('\n', lost_at) + 1;
    const int lost = std::stoi(text.substr(line_begin));
    CHECK(lost > kLines / 2);
    CHECK(text.find("line 0 ") != std::string::npos);
    CHECK(text.find("line " + std::to_string(kLines - lost - 1) + " ") != std::string::npos);
    CHECK(text.find("line " + std::to_string(kLines - lost) + " ") == std::string::npos);
    log->info("after");
    CHECK(pipe.read_all() == "<6>after\n");
}

TEST_CASE("a long line arrives whole, and the last lines when the program ends") {
    Pipe pipe;
    REQUIRE(::fcntl(pipe.in.get(), F_SETPIPE_SZ, 4096) == 4096);
    auto log = make_stderr_log(LogLevel::info, LogFormat::journal, pipe.in.get());
    const std::string longest(10000, 'y');
    log->warning(longest);
    log->error("the end");
    std::string text;
    for (auto part = pipe.read_all(); !part.empty(); part = pipe.read_all()) {
        text += part;
        log->flush();
    }
    CHECK(text == "<4>" + longest + "\n<3>the end\n");
}
