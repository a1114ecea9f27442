// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/export/real/opener_watch.hpp"

#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <boost/asio/redirect_error.hpp>

#include <algorithm>

namespace mars::exports {

using env::task;

namespace {

using Descriptor = env::asio::posix::stream_descriptor;

constexpr int kLooksPerEvent = 4;
constexpr Duration kFirstPause = std::chrono::milliseconds(10); // between the looks after an event; grows
constexpr Duration kHeldPause = std::chrono::seconds(2);        // while somebody has it open and nothing happens
constexpr int kIdleShare = 10;                                  // rest so many times longer than looking took

// False when waiting is not possible (any more).
task<bool> wait(Descriptor& d, Descriptor::wait_type what) {
    boost::system::error_code error;
    co_await d.async_wait(what, env::asio::redirect_error(env::asio::use_awaitable, error));
    co_return !error;
}

} // namespace

OpenerWatch::OpenerWatch(env::RealEnv& env, env::Event& changed, dev_t device, const std::vector<std::string>& nodes)
    : env_(env), changed_(changed), device_(device), stirred_(env.lot()), nodes_(env.context()), mounts_(env.context()),
      tasks_(env) {
    int inotify = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (inotify >= 0) {
        nodes_.assign(inotify);
        for (const auto& node : nodes)
            (void)::inotify_add_watch(inotify, node.c_str(), IN_OPEN | IN_CLOSE); // may not exist
        tasks_.spawn("watch nodes", wait_for_nodes());
    }
    int mounts = ::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
    if (mounts >= 0) {
        mounts_.assign(mounts);
        tasks_.spawn("watch mounts", wait_for_mounts());
    }
    tasks_.spawn("watch openers", follow());
}

task<void> OpenerWatch::wait_for_nodes() {
    char buffer[4096];
    while (true) {
        bool ready = co_await wait(nodes_, Descriptor::wait_read);
        if (!ready) co_return;
        while (::read(nodes_.native_handle(), buffer, sizeof buffer) > 0) {
        } // what happened matters not, only that
        stir();
    }
}

task<void> OpenerWatch::wait_for_mounts() {
    while (true) {
        bool ready = co_await wait(mounts_, Descriptor::wait_error);
        if (!ready) co_return;
        stir();
    }
}

void OpenerWatch::stir() {
    looks_due_ = kLooksPerEvent;
    stirred_.notify();
}

task<Openers> OpenerWatch::look(Duration old) {
    const auto since = std::chrono::steady_clock::now() - old;
    auto work = [device = device_, since] { return find_openers(device, since); };
    auto seen = co_await env_.pool().run(work);
    if (seen != openers_) {
        openers_ = seen;
        looks_due_ = std::max(looks_due_, kLooksPerEvent);
        changed_.notify();
    }
    co_return seen;
}

task<void> OpenerWatch::follow() {
    Duration pause = kFirstPause;
    bool is_routine = false; // what other devices' looks have seen in the last moments will do
    while (true) {
        auto before = env_.clock().steady();
        if (looks_due_ > 0) --looks_due_;
        int due = looks_due_;
        auto seen = co_await look(is_routine ? kHeldPause : Duration(0));
        auto rest = (env_.clock().steady() - before) * kIdleShare;
        co_await env_.clock().sleep(rest);
        bool happened = looks_due_ > due; // meanwhile
        is_routine = false;
        if (happened) {
            pause = kFirstPause;
        } else if (looks_due_ > 0) {
            bool notified = co_await wait_for(env_, stirred_, pause);
            pause = notified ? kFirstPause : std::min(pause * 4, kHeldPause);
        } else if (seen.count() > 0) {
            is_routine = !co_await wait_for(env_, stirred_, kHeldPause); // either way we look again
            pause = kFirstPause;
        } else {
            co_await stirred_.wait();
            pause = kFirstPause;
        }
    }
}

task<void> OpenerWatch::stop() {
    co_await tasks_.stop();
}

} // namespace mars::exports
