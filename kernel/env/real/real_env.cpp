// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/env/real/real_env.hpp"

#include <sys/random.h>
#include <sys/utsname.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cerrno>
#include <iterator>

namespace mars::env {

namespace {

constexpr std::size_t kThreads = 4;

std::string node_name() {
    utsname name{};
    if (::uname(&name) < 0) panic("uname: errno " + std::to_string(errno));
    return name.nodename;
}

} // namespace

Stamp RealClock::now() const {
    auto ns = std::chrono::duration_cast<Duration>(std::chrono::system_clock::now().time_since_epoch());
    auto sec = std::chrono::floor<std::chrono::seconds>(ns);
    return {sec.count(), (ns - sec).count()};
}

Duration RealClock::steady() const {
    return std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch());
}

task<void> RealClock::sleep(Duration d) {
    asio::steady_timer timer(context_, d);
    boost::system::error_code ignored; // cancelled: returns early
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

std::uint64_t RealRandom::next() {
    if (left_ == 0) {
        while (::getrandom(portion_, sizeof portion_, 0) != static_cast<ssize_t>(sizeof portion_)) // only EINTR
            if (errno != EINTR) panic("getrandom: errno " + std::to_string(errno));
        left_ = std::size(portion_);
    }
    return portion_[--left_];
}

RealEnv::RealEnv(asio::io_context& context, std::unique_ptr<Log> log, FileIo::Use use)
    : context_(context), log_(std::move(log)), pool_(context, lot_, kThreads), io_(context, lot_, pool_, use),
      storage_(context, lot_, io_, pool_), net_(context), clock_(context), hostname_(node_name()) {}

// Whoever is suspended here never goes on: what it would use is gone.
RealEnv::~RealEnv() {
    lot_.abandon();
}

} // namespace mars::env
