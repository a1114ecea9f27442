// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/process.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>

#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "kernel/env/real/fd.hpp"
#include "shell/reason.hpp"

extern char** environ;

namespace mars::shell {

namespace {

namespace asio = env::asio;
using StreamDescriptor = asio::posix::stream_descriptor;
constexpr std::size_t kPiece = 65536;

// A running child; gone when this is gone.
class Child {
  public:
    explicit Child(pid_t pid) : pid_(pid) {}
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() {
        if (pid_ <= 0) return;
        ::kill(-pid_, SIGKILL);
        int ignored = 0;
        while (::waitpid(pid_, &ignored, 0) < 0 && errno == EINTR) {
        }
    }
    // After its end.
    int reap() {
        int status = 0;
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        pid_ = 0;
        return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
    pid_t pid() const { return pid_; }

  private:
    pid_t pid_;
};

struct PipeEnds {
    env::UniqueFd read;
    env::UniqueFd write;
};

result<PipeEnds> make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) < 0) return errno_failure(errno, "pipe");
    PipeEnds pipe;
    pipe.read.reset(ends[0]);
    pipe.write.reset(ends[1]);
    return pipe;
}

struct Pipes {
    PipeEnds input;
    PipeEnds output;
    PipeEnds errors;
};

result<Pipes> make_pipes() {
    Pipes pipes;
    MARS_TRY(pipes.input, make_pipe());
    MARS_TRY(pipes.output, make_pipe());
    MARS_TRY(pipes.errors, make_pipe());
    return pipes;
}

// Ends with a null pointer, as execve wants it.
std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> all;
    for (const auto& text : texts) all.push_back(const_cast<char*>(text.c_str()));
    all.push_back(nullptr);
    return all;
}

// That of this process, and what is given in addition.
std::vector<char*> environment_with(const std::vector<std::string>& more) {
    auto all = pointers(more);
    for (char** entry = environ; *entry; ++entry) all.insert(all.end() - 1, *entry);
    return all;
}

result<pid_t> start(const Command& command, const Pipes& pipes) {
    auto words = pointers(command.argv);
    auto environment = environment_with(command.environment);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&actions, pipes.input.read.get(), 0);
    posix_spawn_file_actions_adddup2(&actions, pipes.output.write.get(), 1);
    posix_spawn_file_actions_adddup2(&actions, pipes.errors.write.get(), 2);
    sigset_t usual;
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    sigaddset(&usual, SIGINT);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
    pid_t pid = 0;
    int error = ::posix_spawnp(&pid, words[0], &actions, &attributes, words.data(), environment.data());
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (error != 0) return errno_failure(error, "cannot run " + command.argv[0]);
    return pid;
}

class Running {
  public:
    Running(env::Env& env, Command& command, Pipes pipes, pid_t pid, env::UniqueFd end)
        : command_(command), child_(pid), input_(env.get_executor(), pipes.input.write.release()),
          output_(env.get_executor(), pipes.output.read.release()),
          errors_(env.get_executor(), pipes.errors.read.release()), end_(env.get_executor(), end.release()) {}

    env::task<ProcessResult> go() {
        using namespace asio::experimental::awaitable_operators;
        ProcessResult result;
        co_await (feed() && read(output_, false, result.output) && read(errors_, true, result.errors) && ended());
        // A read that was cancelled looks like the end of the output.
        auto state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none)
            throw boost::system::system_error(asio::error::operation_aborted);
        result.status = child_.reap();
        co_return result;
    }

  private:
    env::task<void> feed() {
        // A command need not read all of its input.
        co_await asio::async_write(input_, asio::buffer(command_.input), asio::as_tuple(asio::use_awaitable));
        input_.close();
    }
    env::task<void> read(StreamDescriptor& from, bool is_error, std::string& all) {
        std::string buffer(kPiece, '\0');
        while (true) {
            auto [error, count] =
                co_await from.async_read_some(asio::buffer(buffer), asio::as_tuple(asio::use_awaitable));
            if (error || count == 0) co_return;
            all.append(buffer, 0, count);
            if (command_.on_text) co_await command_.on_text(is_error, buffer.substr(0, count));
        }
    }
    env::task<void> ended() {
        co_await end_.async_wait(StreamDescriptor::wait_read, asio::as_tuple(asio::use_awaitable));
    }

    Command& command_;
    Child child_;
    StreamDescriptor input_;
    StreamDescriptor output_;
    StreamDescriptor errors_;
    StreamDescriptor end_;
};

} // namespace

env::task<result<ProcessResult>> run_process(env::Env& env, Command command) {
    using namespace asio::experimental::awaitable_operators;
    if (command.argv.empty()) co_return refusal("usage.arg", "no command is given");
    MARS_CO_TRY(auto pipes, make_pipes());
    MARS_CO_TRY(auto pid, start(command, pipes));
    pipes.input.read.reset();
    pipes.output.write.reset();
    pipes.errors.write.reset();
    env::UniqueFd end(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!end) {
        auto why = errno_failure(errno, "cannot wait for " + command.argv[0]);
        const Child killed(pid);
        co_return why;
    }
    Running running(env, command, std::move(pipes), pid, std::move(end));
    if (!command.limit) co_return co_await running.go();
    auto first = co_await (running.go() || env.clock().sleep(*command.limit));
    if (first.index() == 0) co_return std::move(std::get<0>(first));
    auto seconds = std::chrono::duration_cast<std::chrono::milliseconds>(*command.limit).count();
    co_return refusal("wait.phase",
                      command.argv[0] + " took longer than " + std::to_string(seconds) + " ms, it was killed");
}

} // namespace mars::shell
