// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/repl/system_command.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "kernel/env/real/fd.hpp"

namespace mars::shell {

namespace {

// Signals of the terminal go to the child only.
class IgnoredInterrupts {
  public:
    IgnoredInterrupts() {
        struct sigaction ignore {};
        ignore.sa_handler = SIG_IGN;
        ::sigaction(SIGINT, &ignore, &interrupt_);
        ::sigaction(SIGQUIT, &ignore, &quit_);
    }
    ~IgnoredInterrupts() {
        ::sigaction(SIGINT, &interrupt_, nullptr);
        ::sigaction(SIGQUIT, &quit_, nullptr);
    }
    IgnoredInterrupts(const IgnoredInterrupts&) = delete;
    IgnoredInterrupts& operator=(const IgnoredInterrupts&) = delete;

  private:
    struct sigaction interrupt_ {};
    struct sigaction quit_ {};
};

// Our event loop has made the terminal non-blocking, for everybody who has it open; commands expect to wait in read().
class BlockingTerminal {
  public:
    BlockingTerminal() : flags_(::fcntl(STDIN_FILENO, F_GETFL)) {
        if (changed()) (void)::fcntl(STDIN_FILENO, F_SETFL, flags_ & ~O_NONBLOCK);
    }
    ~BlockingTerminal() {
        if (changed()) (void)::fcntl(STDIN_FILENO, F_SETFL, flags_);
    }
    BlockingTerminal(const BlockingTerminal&) = delete;
    BlockingTerminal& operator=(const BlockingTerminal&) = delete;

  private:
    bool changed() const { return flags_ >= 0 && (flags_ & O_NONBLOCK) != 0; }

    int flags_;
};

// `input`: its stdin, or -1 for ours.
pid_t start(const char* command, int input) {
    pid_t pid = ::fork();
    if (pid != 0) return pid;
    ::prctl(PR_SET_PDEATHSIG, SIGHUP); // as with a terminal that is lost
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGQUIT, SIG_DFL);
    std::signal(SIGPIPE, SIG_DFL);
    if (input >= 0) ::dup2(input, 0);
    ::execl("/bin/sh", "sh", "-c", command, static_cast<char*>(nullptr));
    ::_exit(127);
}

int await(pid_t pid) {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

} // namespace

int run_system_command(const std::string& command) {
    IgnoredInterrupts ignored;
    BlockingTerminal terminal;
    pid_t pid = start(command.c_str(), -1);
    return pid < 0 ? 126 : await(pid);
}

bool show_in_pager(std::string_view text) {
    const char* pager = std::getenv("PAGER");
    if (!pager || *pager == '\0') pager = ::access("/usr/bin/less", X_OK) == 0 ? "less -FRX" : nullptr;
    std::array<int, 2> ends{};
    if (!pager || ::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
    env::UniqueFd read(ends[0]);
    env::UniqueFd write(ends[1]);
    IgnoredInterrupts ignored;
    BlockingTerminal terminal;
    pid_t pid = start(pager, read.get());
    if (pid < 0) return false;
    read.reset();
    while (!text.empty()) {
        auto count = ::write(write.get(), text.data(), text.size());
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break; // it was left before the end
        text.remove_prefix(static_cast<std::size_t>(count));
    }
    write.reset();
    await(pid);
    return true;
}

} // namespace mars::shell
