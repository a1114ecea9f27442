// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/local/process_start.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "shell/local/attended.hpp"

extern char** environ;

namespace mars::shell {

namespace {

result<PipeEnds> make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) < 0) return errno_failure(errno, "pipe");
    PipeEnds pipe;
    pipe.read.reset(ends[0]);
    pipe.write.reset(ends[1]);
    return pipe;
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

// What the attendant tells in the beginning: 0, or why the program could not be started.
result<void> await_start(const std::string& name, env::UniqueFd report) {
    int error = 0;
    ssize_t count = 0;
    do count = ::read(report.get(), &error, sizeof error);
    while (count < 0 && errno == EINTR);
    if (count != sizeof error || error == 0) return {};
    return errno_failure(error, "cannot run " + name);
}

struct Start {
    std::vector<char*> words;
    std::vector<char*> environment;
    std::string path;
    int grace_ms = kNoGrace;
    const Pipes* pipes = nullptr;
    int control = -1;
    int report = -1;
};

[[noreturn]] void become_program(const Start& start, pid_t attendant) {
    become_attended(attendant, start.grace_ms);
    ::dup2(start.pipes->input.read.get(), 0);
    ::dup2(start.pipes->output.write.get(), 1);
    ::dup2(start.pipes->errors.write.get(), 2);
    // With a path, what is no program is no shell script either.
    if (start.path.find('/') != std::string::npos)
        ::execve(start.path.c_str(), start.words.data(), start.environment.data());
    else
        ::execvpe(start.path.c_str(), start.words.data(), start.environment.data());
    const int error = errno;
    (void)!::write(start.report, &error, sizeof error); // the reader may have been killed
    ::_exit(127);
}

// Only what is allowed after the fork of a process with threads. It holds nothing but its pipe.
[[noreturn]] void become_attendant(const Start& start) {
    ::setpgid(0, 0);
    ::prctl(PR_SET_NAME, "marsadm-attend");
    for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) ::signal(signal, SIG_IGN);
    const pid_t self = ::getpid();
    Attendance attendance;
    attendance.program = ::fork();
    if (attendance.program == 0) become_program(start, self);
    if (attendance.program < 0) {
        const int error = errno;
        (void)!::write(start.report, &error, sizeof error);
        ::_exit(127);
    }
    ::setpgid(attendance.program, attendance.program);
    ::dup2(start.control, 0);
    ::syscall(SYS_close_range, 1U, ~0U, 0U);
    attendance.owner = 0;
    attendance.grace_ms = start.grace_ms;
    ::_exit(attend(attendance));
}

} // namespace

result<Pipes> make_pipes() {
    Pipes pipes;
    MARS_TRY(pipes.input, make_pipe());
    MARS_TRY(pipes.output, make_pipe());
    MARS_TRY(pipes.errors, make_pipe());
    return pipes;
}

int Child::reap() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

result<Started> start_attended(const Command& command, const Pipes& pipes) {
    Start how;
    how.words = pointers(command.argv);
    how.environment = environment_with(command.environment);
    how.path = program_path(command.argv[0]);
    how.grace_ms = grace_of(command.argv[0]);
    how.pipes = &pipes;
    MARS_TRY(auto control, make_pipe());
    MARS_TRY(auto report, make_pipe());
    how.control = control.read.get();
    how.report = report.write.get();
    Started started;
    started.attendant = ::fork();
    if (started.attendant == 0) become_attendant(how);
    if (started.attendant < 0) return errno_failure(errno, "cannot run " + command.argv[0]);
    report.write.reset();
    started.control = std::move(control.write);
    if (auto begun = await_start(command.argv[0], std::move(report.read)); !begun) {
        Child(started.attendant, std::move(started.control)).reap();
        return begun.error();
    }
    return started;
}

} // namespace mars::shell
