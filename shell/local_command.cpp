// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/local_command.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "shell/reason.hpp"

namespace mars::shell {

namespace {

// Both ends of a pipe; closed on destruction.
class Pipe {
  public:
    Pipe() {
        if (::pipe2(ends_, O_CLOEXEC) != 0) ends_[0] = ends_[1] = -1;
    }
    ~Pipe() {
        close(0);
        close(1);
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    bool is_open() const { return ends_[0] >= 0; }
    int end(int which) const { return ends_[which]; }
    void close(int which) {
        if (ends_[which] >= 0) ::close(std::exchange(ends_[which], -1));
    }

  private:
    int ends_[2];
};

class LocalCommand {
  public:
    explicit LocalCommand(const SshCall& call) : call_(call) {}
    ~LocalCommand() { reap(true); }

    result<RemoteResult> run();

  private:
    result<void> start();
    result<void> talk(RemoteResult& all);
    bool read_some(Pipe& pipe, RemoteStream stream, std::string& into);
    void write_some();
    int reap(bool is_killed);

    const SshCall& call_;
    Pipe in_, out_, err_;
    std::size_t written_ = 0;
    pid_t child_ = -1;
};

result<void> LocalCommand::start() {
    if (!in_.is_open() || !out_.is_open() || !err_.is_open()) return errno_failure(errno, "cannot make a pipe");
    std::vector<char*> argv;
    for (const auto& word : call_.argv) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&actions, in_.end(0), 0);
    posix_spawn_file_actions_adddup2(&actions, out_.end(1), 1);
    posix_spawn_file_actions_adddup2(&actions, err_.end(1), 2);
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
    int error = ::posix_spawnp(&child_, argv.front(), &actions, &attributes, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    in_.close(0);
    out_.close(1);
    err_.close(1);
    if (error == 0) return {};
    child_ = -1;
    return refusal("remote.ssh",
                   "cannot run '" + call_.argv.front() + "' here: " + std::generic_category().message(error));
}

// False at the end of the stream.
bool LocalCommand::read_some(Pipe& pipe, RemoteStream stream, std::string& into) {
    std::array<char, 16384> buffer;
    auto n = ::read(pipe.end(0), buffer.data(), buffer.size());
    if (n < 0) return errno == EINTR || errno == EAGAIN;
    if (n == 0) return false;
    std::string piece(buffer.data(), static_cast<std::size_t>(n));
    into += piece;
    if (call_.on_text) call_.on_text(stream, std::move(piece));
    return into.size() < kMostOutput;
}

void LocalCommand::write_some() {
    auto n = ::write(in_.end(1), call_.input.data() + written_, call_.input.size() - written_);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (n < 0) written_ = call_.input.size(); // it does not want more
    if (n > 0) written_ += static_cast<std::size_t>(n);
}

result<void> LocalCommand::talk(RemoteResult& all) {
    (void)::fcntl(in_.end(1), F_SETFL, O_NONBLOCK);
    while (out_.end(0) >= 0 || err_.end(0) >= 0) {
        if (written_ == call_.input.size()) in_.close(1);
        pollfd fds[3] = {{out_.end(0), POLLIN, 0}, {err_.end(0), POLLIN, 0}, {in_.end(1), POLLOUT, 0}};
        (void)::poll(fds, 3, kPollMilliseconds);
        if (call_.is_stopped()) return failure(std::errc::operation_canceled, "interrupted");
        if (call_.is_late()) {
            auto s = std::chrono::duration_cast<std::chrono::seconds>(call_.limit).count();
            return refusal("remote.timeout", "host " + call_.host.name + ": '" + shell_command(call_.argv) +
                                                 "' did not finish within " + std::to_string(s) + " s");
        }
        if (fds[2].revents != 0) write_some();
        if (fds[0].revents != 0 && !read_some(out_, RemoteStream::output, all.output)) out_.close(0);
        if (fds[1].revents != 0 && !read_some(err_, RemoteStream::errors, all.errors)) err_.close(0);
    }
    return {};
}

// The status as a shell would have it.
int LocalCommand::reap(bool is_killed) {
    if (child_ < 0) return 0;
    if (is_killed) ::kill(-child_, SIGKILL);
    int status = 0;
    while (::waitpid(child_, &status, 0) < 0 && errno == EINTR) {
    }
    child_ = -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

result<RemoteResult> LocalCommand::run() {
    MARS_TRY_VOID(start());
    RemoteResult all;
    MARS_TRY_VOID(talk(all));
    all.status = reap(false);
    return all;
}

} // namespace

result<RemoteResult> run_local_command(const SshCall& call) {
    LocalCommand command(call);
    return command.run();
}

} // namespace mars::shell
