// SPDX-License-Identifier: GPL-2.0-or-later
// UniqueFd: the one owner of a file descriptor. Raw ints are only lent, never kept.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <utility>

namespace mars::env {

class UniqueFd {
  public:
    UniqueFd() = default;
    explicit UniqueFd(int fd) noexcept : fd_(fd) {}
    UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept {
        if (this != &other) reset(other.release());
        return *this;
    }
    UniqueFd(const UniqueFd&) = delete;
    UniqueFd& operator=(const UniqueFd&) = delete;
    ~UniqueFd() { reset(); }

    explicit operator bool() const noexcept { return fd_ >= 0; }
    int get() const noexcept { return fd_; }
    int release() noexcept { return std::exchange(fd_, -1); }
    void reset(int fd = -1) noexcept {
        if (fd_ >= 0) ::close(fd_);
        fd_ = fd;
    }

  private:
    int fd_ = -1;
};

// Fills 0, 1 and 2 where the caller has closed them, so that nothing else can be opened there and be written into as
// if it were the output. What is written to such a stdout fails, as it would have.
inline void fill_standard_descriptors() {
    for (int fd : {0, 1, 2})
        if (::fcntl(fd, F_GETFD) < 0) (void)::open("/dev/null", fd == 2 ? O_RDWR : O_RDONLY); // the lowest free one
}

} // namespace mars::env
