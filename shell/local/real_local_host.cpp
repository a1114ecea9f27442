// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/local/real_local_host.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "shell/local/disk_signature.hpp"

namespace mars::shell {

using namespace std::chrono_literals;

namespace {

class Descriptor {
  public:
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&&) = delete;
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    int get() const { return fd_; }

  private:
    int fd_;
};

std::optional<std::string> text_of(const in_addr& address) {
    char buffer[INET_ADDRSTRLEN];
    if (!inet_ntop(AF_INET, &address, buffer, sizeof buffer)) return std::nullopt;
    return std::string(buffer);
}

class FileLock final : public HeldLock {
  public:
    explicit FileLock(Descriptor file) : file_(std::move(file)) {}

  private:
    Descriptor file_; // closing it gives the lock back
};

std::string lock_path(const std::string& root) {
    std::string name = root;
    for (char& c : name)
        if (c == '/') c = '_';
    return "/run/lock/marsadm" + name;
}

std::optional<std::string> look_up(const std::string& host) {
    addrinfo hints{};
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0 || !found) return std::nullopt;
    auto text = text_of(reinterpret_cast<const sockaddr_in*>(found->ai_addr)->sin_addr);
    freeaddrinfo(found);
    return text;
}

} // namespace

bool RealLocalHost::is_root() const {
    return ::geteuid() == 0;
}

std::optional<std::string> RealLocalHost::address_towards(const std::string& peer) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(7777); // any: nothing is sent
    if (inet_pton(AF_INET, peer.c_str(), &to.sin_addr) != 1) return std::nullopt;
    Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (socket.get() < 0) return std::nullopt;
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) return std::nullopt;
    sockaddr_in own{};
    socklen_t length = sizeof own;
    if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&own), &length) != 0) return std::nullopt;
    return text_of(own.sin_addr);
}

std::optional<std::string> RealLocalHost::first_address() {
    ifaddrs* all = nullptr;
    if (getifaddrs(&all) != 0) return std::nullopt;
    std::optional<std::string> first;
    for (const ifaddrs* one = all; one && !first; one = one->ifa_next) {
        bool usable = one->ifa_addr && one->ifa_addr->sa_family == AF_INET && (one->ifa_flags & IFF_LOOPBACK) == 0;
        if (usable) first = text_of(reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr);
    }
    freeifaddrs(all);
    return first;
}

env::task<std::optional<std::string>> RealLocalHost::resolve(std::string host) {
    auto work = [host] { return look_up(host); };
    co_return co_await pool_.run(std::move(work));
}

env::task<result<std::unique_ptr<HeldLock>>> RealLocalHost::lock(std::string root) {
    constexpr Duration kPatience = 10s;
    const auto path = lock_path(root);
    Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (file.get() < 0) co_return errno_failure(errno, path);
    const auto end = env_.clock().steady() + kPatience;
    while (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) co_return errno_failure(errno, path);
        if (env_.clock().steady() > end)
            co_return failure(std::errc::resource_unavailable_try_again, "another marsadm holds the lock " + path +
                                                                             " for longer than 10 s; fuser -v " + path +
                                                                             " tells which one");
        // There is no event for a lock that is given back; it is held for the time of one commit only.
        co_await env_.clock().sleep(5ms);
    }
    std::unique_ptr<HeldLock> held = std::make_unique<FileLock>(std::move(file));
    co_return std::move(held);
}

// By a description of its own, since waiting makes it non-blocking, and that of stdin belongs to the caller's shell,
// too.
env::task<std::optional<std::string>> RealLocalHost::ask(std::string question) {
    if (::isatty(STDIN_FILENO) == 0) co_return std::nullopt;
    const int fd = ::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) co_return std::nullopt;
    env::asio::posix::stream_descriptor terminal(env_.get_executor(), fd);
    if (::write(fd, question.data(), question.size()) < 0) co_return std::nullopt;
    std::string line;
    while (line.find('\n') == std::string::npos) {
        char buffer[256];
        auto [error] = co_await terminal.async_wait(env::asio::posix::stream_descriptor::wait_read,
                                                    env::asio::as_tuple(env::asio::use_awaitable));
        if (error) co_return std::nullopt;
        const auto count = ::read(fd, buffer, sizeof buffer);
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (count <= 0) break; // Ctrl-D
        line.append(buffer, static_cast<std::size_t>(count));
    }
    while (!line.empty() && (line.back() == '\n' || line.back() == ' ')) line.pop_back();
    co_return line;
}

env::task<std::string> RealLocalHost::disk_signature(std::string path) {
    auto work = [path = std::move(path)] { return shell::disk_signature(path); };
    co_return co_await pool_.run(std::move(work));
}

} // namespace mars::shell
