// SPDX-License-Identifier: GPL-2.0-or-later
// What a program has started ends with it when it is asked to, and is left alone when it is not; what is said of that
// is true.
#include "shell/local/attended.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <optional>
#include <string>

#include "kernel/env/real/fd.hpp"
#include "kernel/env/real/real_env.hpp"
#include "kernel/env/task_group.hpp"
#include "shell/local/process.hpp"
#include "shell/words/reason.hpp"

using namespace mars;
using namespace mars::shell;

namespace {

struct Pipe {
    Pipe() {
        std::array<int, 2> ends{};
        REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
        read.reset(ends[0]);
        write.reset(ends[1]);
    }
    env::UniqueFd read, write;
};

bool is_readable(int fd, int wait_ms) {
    pollfd one{fd, POLLIN, 0};
    return ::poll(&one, 1, wait_ms) > 0;
}

// A shell script in the care of an attendant of its own.
class Attended {
  public:
    Attended(const std::string& script, int grace_ms) {
        attendant_ = ::fork();
        REQUIRE(attendant_ >= 0);
        if (attendant_ == 0) become_attendant(script.c_str(), grace_ms);
        owner_.read.reset();
        output_.write.reset();
    }
    ~Attended() {
        if (attendant_ > 0) end();
        if (child > 0) ::kill(child, SIGKILL); // holds the pipe still, so the number is its own
    }
    // The number that the script prints: it is ready.
    void await_child() {
        std::array<char, 32> text{};
        REQUIRE(is_readable(output_.read.get(), 60'000));
        REQUIRE(::read(output_.read.get(), text.data(), text.size() - 1) > 0);
        child = static_cast<pid_t>(std::stol(text.data()));
    }
    // Its owner is gone; the status of the attendant.
    int end() {
        owner_.write.reset();
        return wait();
    }
    int wait() {
        int status = 0;
        REQUIRE(::waitpid(std::exchange(attendant_, -1), &status, 0) > 0);
        return WEXITSTATUS(status);
    }
    // Does anything of it hold the output?
    bool is_empty() {
        if (!is_readable(output_.read.get(), 0)) return false;
        child = -1;
        return true;
    }

    pid_t child = -1;

  private:
    [[noreturn]] void become_attendant(const char* script, int grace_ms) {
        const pid_t self = ::getpid();
        Attendance attendance;
        attendance.program = ::fork();
        if (attendance.program == 0) {
            become_attended(self, grace_ms);
            ::dup2(output_.write.get(), 1);
            ::execl("/bin/sh", "sh", "-c", script, nullptr);
            ::_exit(127);
        }
        ::setpgid(attendance.program, attendance.program);
        owner_.write.reset();
        output_.write.reset();
        attendance.owner = owner_.read.get();
        attendance.grace_ms = grace_ms;
        ::_exit(attend(attendance));
    }

    Pipe owner_, output_;
    pid_t attendant_ = -1;
};

// Its child does not hear SIGTERM, it itself does.
const std::string kDeafChild = "trap '' TERM; sleep 1000 & trap - TERM; echo $!; wait";

} // namespace

TEST_CASE("what outlives a program that was ended is killed after the grace") {
    Attended run(kDeafChild, 100);
    run.await_child();
    CHECK(run.end() == 128 + SIGTERM);
    CHECK(run.is_empty());
}

TEST_CASE("whose parent has gone long before, too") {
    Attended run("exec 3>&1; trap '' TERM; deaf=$(sleep 1000 >&3 & echo $!); trap - TERM; echo $deaf; sleep 1000", 100);
    run.await_child();
    CHECK(run.end() == 128 + SIGTERM);
    CHECK(run.is_empty());
}

TEST_CASE("who ends within the grace may take the time, and nobody waits longer") {
    constexpr int kLong = 600'000;
    Attended run("(trap 'echo cleaned; exit' TERM; echo $$; while :; do sleep 0.01; done) 2>/dev/null & wait", kLong);
    run.await_child();
    run.child = -1;
    CHECK(run.end() == 128 + SIGTERM); // else the test never ends
    CHECK(run.is_empty());
}

TEST_CASE("what a program leaves behind at an end of its own stays") {
    Attended run("sleep 1000 & echo $!", 100);
    run.await_child();
    CHECK(run.wait() == 0);
    CHECK_FALSE(run.is_empty());
}

TEST_CASE("a command that does not end when it is asked to is not said to have ended") {
    env::asio::io_context context{1};
    env::RealEnv env{context, env::make_stderr_log(env::LogLevel::warning), env::FileIo::Use::threads};
    Command command;
    command.argv = {"sh", "-c", "trap '' TERM; echo $$; exec sleep 1000"};
    command.patience = std::chrono::milliseconds(50);
    command.limit = std::chrono::milliseconds(500);
    std::string pid;
    command.on_text = [&](bool, std::string piece) -> env::task<void> {
        pid += piece;
        co_return;
    };
    std::optional<result<ProcessResult>> ended;
    auto body = [&]() -> env::task<void> { ended.emplace(co_await run_process(env, command)); };
    env::TaskGroup group(env);
    group.spawn("command", body());
    context.run();
    REQUIRE(ended);
    REQUIRE_FALSE(*ended);
    CHECK(has_reason(ended->error(), "wait.phase"));
    CHECK_THAT(ended->error().text,
               Catch::StartsWith("sh took longer than 500 ms, it was asked to end, and still runs after 50 ms; "
                                 "next: ps --ppid "));
    REQUIRE_FALSE(pid.empty());
    CHECK(::kill(std::stoi(pid), SIGKILL) == 0);
}

TEST_CASE("a command that comes to its end although its caller is interrupted has the last word, if it is given") {
    env::asio::io_context context{1};
    env::RealEnv env{context, env::make_stderr_log(env::LogLevel::warning), env::FileIo::Use::threads};
    for (const bool is_given : {true, false}) {
        Command command;
        command.argv = {"sh", "-c", "trap '' TERM; echo begun; sleep 0.3; echo ended; exit 4"};
        if (is_given) command.has_last_word = [](int status) { return status == 4; };
        env::TaskGroup group(env);
        command.on_text = [&](bool, std::string piece) -> env::task<void> {
            if (piece == "begun\n") env::asio::post(context, [&] { group.cancel(); });
            co_return;
        };
        std::optional<result<ProcessResult>> ended;
        auto body = [&]() -> env::task<void> { ended.emplace(co_await run_process(env, command)); };
        group.spawn("command", body());
        context.restart();
        context.run();
        REQUIRE(ended.has_value() == is_given);
        if (!ended) continue;
        REQUIRE(*ended);
        CHECK((*ended)->status == 4);
        CHECK((*ended)->output == "begun\nended\n");
    }
}
