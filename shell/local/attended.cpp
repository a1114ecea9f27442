// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/local/attended.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "kernel/base/number.hpp"

namespace mars::shell {

namespace {

long now_ms() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

// Negative for never.
long sooner(long a, long b) {
    if (a < 0 || b < 0) return std::max(a, b);
    return std::min(a, b);
}

class Attendant {
  public:
    explicit Attendant(const Attendance& attendance) : a_(attendance), left_(attendance.input_bytes) {}

    int run() {
        const int end = static_cast<int>(::syscall(SYS_pidfd_open, a_.program, 0));
        const long begin = now_ms();
        heard_ = begin;
        if (a_.limit_ms >= 0) limit_ = begin + a_.limit_ms;
        if (left_ == 0) finish_input();
        adopt_orphans();
        while (true) {
            if (!reap()) return status_;
            look_at_clock(now_ms());
            wait(has_ended_ ? -1 : end);
        }
    }

  private:
    // An orphan of the program becomes a child of this process: so it is seen whether the group is empty, and as long
    // as it is not, its number is nobody else's.
    static void adopt_orphans() {
        ::prctl(PR_SET_CHILD_SUBREAPER, 1);
        struct sigaction wake {};
        wake.sa_handler = [](int) {};
        ::sigaction(SIGCHLD, &wake, nullptr); // ends poll()
    }

    // Takes the status of all that has ended; false when there is nothing more to wait for.
    bool reap() {
        while (true) {
            int status = 0;
            const auto ended = ::waitpid(-1, &status, WNOHANG);
            if (ended < 0 && errno == EINTR) continue;
            if (ended <= 0) break;
            if (ended != a_.program) continue;
            has_ended_ = true;
            status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
        }
        if (!has_ended_) return true;
        if (!is_ending_ || a_.grace_ms < 0) return false;
        siginfo_t others{};
        return ::waitid(P_PGID, static_cast<id_t>(a_.program), &others, WEXITED | WNOHANG | WNOWAIT) == 0;
    }

    void look_at_clock(long now) {
        const bool is_silent = a_.silence_ms >= 0 && now >= heard_ + a_.silence_ms;
        if (!is_ending_ && ((limit_ >= 0 && now >= limit_) || is_silent)) end_program();
        if (kill_ >= 0 && now >= kill_) {
            ::kill(-a_.program, SIGKILL);
            kill_ = -1;
        }
    }

    // A stopped program would not hear.
    void end_program() {
        if (is_ending_) return;
        is_ending_ = true;
        finish_input();
        ::kill(-a_.program, SIGTERM);
        ::kill(-a_.program, SIGCONT);
        if (a_.grace_ms >= 0) kill_ = now_ms() + a_.grace_ms;
    }

    void wait(int end) {
        const bool has_piece = held_ < have_;
        const bool listens = !is_ending_ && !has_piece;
        std::array<pollfd, 3> fds{pollfd{end, POLLIN, 0}, pollfd{listens ? a_.owner : -1, POLLIN, 0},
                                  pollfd{has_piece ? a_.input : -1, POLLOUT, 0}};
        long next = sooner(is_ending_ ? -1 : limit_, kill_);
        if (!is_ending_ && a_.silence_ms >= 0) next = sooner(next, heard_ + a_.silence_ms);
        // A kernel without pidfd, or only others of the group are left: a SIGCHLD may come just before poll().
        if (end < 0) next = sooner(next, now_ms() + 50);
        const long rest = next < 0 ? -1 : std::clamp(next - now_ms(), 0L, 1'000'000L);
        if (::poll(fds.data(), fds.size(), static_cast<int>(rest)) <= 0) return;
        if (fds[1].revents != 0) listen();
        if (fds[2].revents != 0) pass_on();
    }

    void listen() {
        const auto count = ::read(a_.owner, buffer_.data(), buffer_.size());
        if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
        if (count <= 0) return end_program();
        heard_ = now_ms();
        held_ = 0;
        have_ = std::min(static_cast<long>(count), left_); // the rest are signs of life
        left_ -= have_;
        if (a_.input < 0) have_ = 0;
    }

    void pass_on() {
        const auto count = ::write(a_.input, buffer_.data() + held_, static_cast<std::size_t>(have_ - held_));
        if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
        heard_ = now_ms();                    // who waits for the program to read cannot be blamed for silence
        if (count < 0) return finish_input(); // it does not want more
        held_ += count;
        if (left_ == 0 && held_ == have_) finish_input();
    }

    void finish_input() {
        if (a_.input >= 0) ::close(a_.input);
        a_.input = -1;
        held_ = have_ = 0;
    }

    Attendance a_;
    std::array<char, 16384> buffer_;
    long left_;     // bytes of input that have not come yet
    long held_ = 0; // of the buffer: passed on so far
    long have_ = 0;
    long heard_ = 0;
    long limit_ = -1;
    long kill_ = -1;
    bool is_ending_ = false;
    bool has_ended_ = false; // the program itself
    int status_ = 127;
};

mode_t usual_umask = 0;
bool has_own_umask = false;

bool is_marsadm(const std::string& name) {
    return name == "marsadm";
}

int complain(const std::string& text) {
    const std::string line = "error: " + text + "\n";
    (void)!::write(2, line.data(), line.size()); // nobody else could be told
    return 127;
}

} // namespace

int attend(Attendance attendance) {
    Attendant attendant(attendance);
    return attendant.run();
}

std::string program_path(const std::string& name) {
    if (!is_marsadm(name)) return name;
    std::array<char, 4096> path{};
    const auto count = ::readlink("/proc/self/exe", path.data(), path.size());
    if (count <= 0) return name;
    std::string_view own(path.data(), static_cast<std::size_t>(count));
    own.remove_prefix(own.rfind('/') + 1);
    return own.starts_with(name) ? "/proc/self/exe" : name; // else another program that contains the shell
}

int grace_of(const std::string& name) {
    return is_marsadm(name) ? kNoGrace : kGraceMilliseconds;
}

void keep_files_private() {
    usual_umask = ::umask(0077);
    has_own_umask = true;
}

void become_attended(pid_t parent, int grace_ms) {
    for (int signal : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGTTOU, SIGTTIN}) ::signal(signal, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    if (has_own_umask) ::umask(usual_umask);
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, grace_ms < 0 ? SIGTERM : SIGKILL); // the attendant may be killed as well
    if (::getppid() != parent) ::_exit(127);
}

std::vector<std::string> attended_command(const std::vector<std::string>& argv, long limit_ms,
                                          std::size_t input_bytes) {
    // A login by ssh often has no sbin in its PATH. Without marsadm there, the input must still have an end.
    static const std::string script =
        "PATH=\"$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin\"; export PATH; "
        "if command -v marsadm >/dev/null 2>&1; then exec marsadm --attended \"$0\" \"$@\"; "
        "fi; n=$1; shift; head -c \"$n\" | \"$@\"";
    std::vector<std::string> words{"sh", "-c", script, std::to_string(limit_ms), std::to_string(input_bytes)};
    words.insert(words.end(), argv.begin(), argv.end());
    return words;
}

int attended_main(const std::vector<std::string>& words) {
    const auto limit = words.empty() ? std::nullopt : parse_number<long>(words[0]);
    const auto bytes = words.size() < 3 ? std::nullopt : parse_number<long>(words[1]);
    if (!limit || !bytes || *bytes < 0) return complain("usage: marsadm --attended LIMIT_MS INPUT_BYTES WORD...");
    std::array<int, 2> input{};
    if (::pipe2(input.data(), O_CLOEXEC) != 0) return complain(std::string("pipe: ") + std::strerror(errno));
    (void)!::write(2, kAttendedMark.data(), kAttendedMark.size()); // its absence means an older release
    const std::vector<std::string> argv(words.begin() + 2, words.end());
    const auto path = program_path(argv[0]);
    std::vector<char*> pointers;
    for (const auto& word : argv) pointers.push_back(const_cast<char*>(word.c_str()));
    pointers.push_back(nullptr);
    Attendance attendance;
    attendance.grace_ms = grace_of(argv[0]);
    const pid_t self = ::getpid();
    attendance.program = ::fork();
    if (attendance.program < 0) return complain("cannot run " + argv[0] + ": " + std::strerror(errno));
    if (attendance.program == 0) {
        become_attended(self, attendance.grace_ms);
        ::dup2(input[0], 0);
        ::execvp(path.c_str(), pointers.data());
        const int error = errno;
        complain("cannot run " + argv[0] + ": " + std::strerror(error));
        ::_exit(error == ENOENT ? 127 : 126);
    }
    ::setpgid(attendance.program, attendance.program);
    ::close(input[0]);
    ::signal(SIGPIPE, SIG_IGN);
    (void)::fcntl(input[1], F_SETFL, O_NONBLOCK);
    for (int fd : {1, 2}) ::close(fd); // the end of the output is the program's
    attendance.owner = 0;
    attendance.input = input[1];
    attendance.input_bytes = *bytes;
    attendance.limit_ms = *limit;
    attendance.silence_ms = kSilenceSeconds * 1000;
    return attend(attendance);
}

} // namespace mars::shell
