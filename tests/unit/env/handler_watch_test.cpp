// SPDX-License-Identifier: GPL-2.0-or-later
// A debug build whose event loop is kept busy by one handler aborts, and says why; waiting costs nothing.
#include "kernel/env/handler_watch.hpp"

#include <catch2/catch.hpp>

#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <thread>

#include "tests/unit/env/run.hpp"

using namespace mars;
using namespace mars::env;
using namespace mars::env::testing;

#ifdef MARS_WATCH_HANDLERS

namespace {

struct End {
    int status = 0;
    std::string said;
};

// In a process of its own, which may abort.
template<class Work>
End end_of(Work work) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::dup2(ends[1], STDERR_FILENO);
        ::signal(SIGABRT, SIG_DFL);
        HandlerWatch::watch_handlers(std::chrono::milliseconds(50));
        work();
        ::_exit(0);
    }
    ::close(ends[1]);
    End end;
    char piece[512];
    for (ssize_t got = 0; (got = ::read(ends[0], piece, sizeof piece)) > 0;)
        end.said.append(piece, static_cast<std::size_t>(got));
    ::close(ends[0]);
    REQUIRE(::waitpid(child, &end.status, 0) == child);
    return end;
}

} // namespace

TEST_CASE("a handler that blocks the event loop aborts a debug build") {
    const auto end = end_of([] {
        asio::io_context context;
        asio::post(context, [] { std::this_thread::sleep_for(std::chrono::milliseconds(80)); });
        context.run();
    });
    CHECK(WIFSIGNALED(end.status));
    CHECK(end.said.find("one handler of the event loop took") != std::string::npos);
}

TEST_CASE("many short handlers, waiting, and slow work on the pool are no matter") {
    const auto end = end_of([] {
        asio::io_context context;
        RealEnv env(context, LogLevel::error);
        auto work = [](RealEnv& e) -> task<void> {
            for (int i = 0; i < 20; ++i) co_await e.clock().sleep(std::chrono::milliseconds(10));
            auto slow = [] {
                std::this_thread::sleep_for(std::chrono::milliseconds(150));
                return 1;
            };
            co_await e.pool().run(slow);
        };
        asio::co_spawn(context, work(env), asio::detached);
        context.run();
    });
    CHECK(end.said.empty());
    CHECK(end.status == 0);
}

#endif
