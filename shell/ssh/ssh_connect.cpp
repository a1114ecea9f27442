// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/ssh/ssh_connect.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

namespace mars::shell {

namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kHeadStart = std::chrono::milliseconds(300); // of the known address
constexpr int kLookMilliseconds = 20;

struct Address {
    sockaddr_storage raw{};
    socklen_t size = 0;
    std::string text;
};

// getaddrinfo cannot be interrupted: its thread is left to itself when nobody can wait for it, and shares only this.
struct Resolution {
    std::thread thread; // of who has asked
    std::mutex mutex;
    bool is_done = false;
    int error = 0;
    std::vector<Address> found;
};

std::vector<Address> take(addrinfo* list) {
    std::vector<Address> all;
    for (auto* one = list; one; one = one->ai_next) {
        Address address;
        std::memcpy(&address.raw, one->ai_addr, one->ai_addrlen);
        address.size = one->ai_addrlen;
        char text[NI_MAXHOST] = "?";
        (void)::getnameinfo(one->ai_addr, one->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST);
        address.text = text;
        all.push_back(address);
    }
    return all;
}

int look_up(const std::string& name, int port, int flags, std::vector<Address>& into) {
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    wanted.ai_flags = flags | AI_NUMERICSERV;
    addrinfo* list = nullptr;
    const int error = ::getaddrinfo(name.c_str(), std::to_string(port).c_str(), &wanted, &list);
    if (error != 0) return error;
    into = take(list);
    ::freeaddrinfo(list);
    return 0;
}

std::atomic<int> resolvers_at_work = 0;

std::shared_ptr<Resolution> ask_resolver(const std::string& name, int port) {
    auto resolution = std::make_shared<Resolution>();
    ++resolvers_at_work;
    resolution->thread = std::thread([resolution, name, port] {
        const std::shared_ptr<void> over(nullptr, [](void*) { --resolvers_at_work; });
        std::vector<Address> found;
        const int error = look_up(name, port, 0, found);
        std::lock_guard lock(resolution->mutex);
        resolution->is_done = true;
        resolution->error = error;
        resolution->found = std::move(found);
    });
    return resolution;
}

// Waits for the end of a thread that has answered; the others go on alone.
void let_go(Resolution& resolution) {
    bool is_done = false;
    {
        std::lock_guard lock(resolution.mutex);
        is_done = resolution.is_done;
    }
    if (is_done)
        resolution.thread.join();
    else
        resolution.thread.detach();
}

std::string meaning(int error) {
    return std::generic_category().message(error);
}

class Connecting {
  public:
    Connecting(const ConnectTarget& target, Clock::time_point end) : target_(target), end_(end) {}
    ~Connecting() {
        if (resolution_) let_go(*resolution_);
    }
    Connecting(const Connecting&) = delete;
    Connecting& operator=(const Connecting&) = delete;

    result<env::UniqueFd> go(const std::function<bool()>& goes_on) {
        std::vector<Address> known;
        if (!target_.address.empty() && look_up(target_.address, target_.port, AI_NUMERICHOST, known) == 0)
            for (const auto& address : known) begin(address);
        if (target_.name != target_.address && look_up(target_.name, target_.port, AI_NUMERICHOST, known) == 0)
            for (const auto& address : known) begin(address);
        else if (target_.name != target_.address)
            resolution_ = ask_resolver(target_.name, target_.port);
        const auto late = Clock::now() + kHeadStart;
        while (goes_on()) {
            if (auto connected = look()) return std::move(*connected);
            const auto now = Clock::now();
            if (open_.empty() || now >= late) hear_resolver();
            if (open_.empty() && !resolution_) return lost("");
            if (now >= end_) break;
            wait();
        }
        for (const auto& one : open_) note("no answer from " + one.text);
        if (resolution_) note("the resolver has not told the address of " + target_.name);
        return lost(" in time");
    }

  private:
    struct Attempt {
        env::UniqueFd fd;
        std::string text;
    };

    void note(const std::string& text) { tried_ += (tried_.empty() ? "" : "; ") + text; }
    failure lost(const std::string& how) const {
        return failure(std::errc::not_connected, "no connection" + how + " (" + tried_ + ")");
    }

    void begin(const Address& address) {
        if (std::find(texts_.begin(), texts_.end(), address.text) != texts_.end()) return;
        texts_.push_back(address.text);
        env::UniqueFd fd(::socket(address.raw.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        const int on = 1;
        if (fd) (void)::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); // only faster
        const bool is_bad =
            !fd || (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address.raw), address.size) != 0 &&
                    errno != EINPROGRESS);
        if (is_bad)
            note(address.text + ": " + meaning(errno));
        else
            open_.push_back({std::move(fd), address.text});
    }

    std::optional<env::UniqueFd> look() {
        for (auto one = open_.begin(); one != open_.end();) {
            pollfd state{one->fd.get(), POLLOUT, 0};
            if (::poll(&state, 1, 0) <= 0) {
                ++one;
                continue;
            }
            int error = 0;
            socklen_t size = sizeof error;
            (void)::getsockopt(one->fd.get(), SOL_SOCKET, SO_ERROR, &error, &size); // cannot fail for a socket
            if (error == 0) return std::move(one->fd);
            note(one->text + ": " + meaning(error));
            one = open_.erase(one);
        }
        return std::nullopt;
    }

    void hear_resolver() {
        if (!resolution_) return;
        std::vector<Address> found;
        {
            std::lock_guard lock(resolution_->mutex);
            if (!resolution_->is_done) return;
            if (resolution_->error != 0) note("the name " + target_.name + ": " + ::gai_strerror(resolution_->error));
            found = resolution_->found;
        }
        let_go(*resolution_);
        resolution_ = nullptr;
        for (const auto& address : found) begin(address);
    }

    void wait() {
        std::vector<pollfd> fds;
        for (const auto& one : open_) fds.push_back({one.fd.get(), POLLOUT, 0});
        (void)::poll(fds.data(), fds.size(), resolution_ ? kLookMilliseconds : 5 * kLookMilliseconds);
    }

    const ConnectTarget& target_;
    Clock::time_point end_;
    std::shared_ptr<Resolution> resolution_; // null when it has answered
    std::vector<Attempt> open_;
    std::vector<std::string> texts_; // addresses that were begun with
    std::string tried_;
};

} // namespace

result<env::UniqueFd> connect_to_host(const ConnectTarget& target, Clock::time_point end,
                                      const std::function<bool()>& goes_on) {
    Connecting connecting(target, end);
    return connecting.go(goes_on);
}

bool is_resolver_at_work() {
    return resolvers_at_work > 0;
}

} // namespace mars::shell
