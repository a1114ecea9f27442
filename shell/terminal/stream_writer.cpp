// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/terminal/stream_writer.hpp"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

namespace mars::shell {

namespace {

using Clock = std::chrono::steady_clock;

int milliseconds_until(Clock::time_point end) {
    const auto rest = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
    return rest > 0 ? static_cast<int>(rest) : 0;
}

} // namespace

int StreamWriter::write(std::string_view text, Wait wait) {
    const auto whole = is_torn_ ? "\n" + std::string(text) : std::string();
    if (is_torn_) text = whole;
    const auto size = text.size();
    const int error = wait == Wait::bounded ? write_bounded(text) : write_for_ever(text);
    is_stalled_ = error == ETIMEDOUT;
    if (error == 0 || text.size() < size) is_torn_ = error != 0;
    return error;
}

int StreamWriter::write_for_ever(std::string_view& text) {
    while (!text.empty()) {
        const auto count = ::write(fd_, text.data(), text.size());
        if (count >= 0) {
            text.remove_prefix(static_cast<std::size_t>(count));
        } else if (errno == EAGAIN) { // another program has made the pipe so
            pollfd room{fd_, POLLOUT, 0};
            (void)::poll(&room, 1, -1); // an error of it is one of the next write, too
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

// Opened anew, as only so O_NONBLOCK stays ours. Files and /dev/null never wait.
void StreamWriter::look() {
    if (std::exchange(is_looked_, true)) return;
    struct stat status {};
    if (::fstat(fd_, &status) != 0) return;
    is_socket_ = S_ISSOCK(status.st_mode);
    if (!S_ISFIFO(status.st_mode) && ::isatty(fd_) != 1) return;
    const auto path = "/proc/self/fd/" + std::to_string(fd_);
    own_.reset(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)); // else poll has to do
}

int StreamWriter::write_bounded(std::string_view& text) {
    look();
    const int fd = own_ ? own_.get() : fd_;
    auto end = Clock::now() + (is_stalled_ ? std::chrono::milliseconds(0) : bound_);
    while (!text.empty()) {
        pollfd room{fd, POLLOUT, 0};
        const int rest = milliseconds_until(end);
        if (::poll(&room, 1, rest) == 0) return ETIMEDOUT;
        const auto piece = text.substr(0, PIPE_BUF); // what a pipe with any room takes
        const auto count = is_socket_ ? ::send(fd, piece.data(), piece.size(), MSG_DONTWAIT | MSG_NOSIGNAL)
                                      : ::write(fd, piece.data(), piece.size());
        if (count >= 0) {
            text.remove_prefix(static_cast<std::size_t>(count));
            end = Clock::now() + bound_;
        } else if (errno == EAGAIN && rest == 0) { // room, but not for this
            return ETIMEDOUT;
        } else if (errno == EAGAIN) {
            (void)::poll(nullptr, 0, 1); // not in circles
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

} // namespace mars::shell
