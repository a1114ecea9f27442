// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/terminal/audience.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "shell/command/command_line.hpp"
#include "shell/fleet/fleet.hpp"

namespace mars::shell {

namespace {

// What the line runs, here or on other hosts; nullptr: it is none.
const Verb* verb_of(const std::vector<std::string>& words, const Options& defaults, VerbRegistry& verbs) {
    auto rest = words;
    if (is_fleet_line(words)) {
        auto host = std::find_if(rest.begin(), rest.end(), [](const auto& word) { return word.starts_with('@'); });
        rest.erase(rest.begin(), host + 1);
        if (is_fleet_line(rest)) return verb_of(rest, defaults, verbs);
    }
    const auto request = parse_command_line(rest, defaults, verbs);
    return request ? request->verb : nullptr;
}

} // namespace

bool only_tells(const std::vector<std::string>& words, const Options& defaults, VerbRegistry& verbs) {
    const auto* verb = verb_of(words, defaults, verbs);
    return !verb || (verb->has(kReads) && !verb->has(kRunsOthers));
}

bool is_one_change(const std::vector<std::string>& words, const Options& defaults, VerbRegistry& verbs) {
    const auto* verb = verb_of(words, defaults, verbs);
    return verb && !verb->has(kReads) && !verb->has(kRunsOthers);
}

namespace {

bool may_lose_its_reader() {
    struct stat status {};
    return ::fstat(STDOUT_FILENO, &status) == 0 && (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode));
}

bool has_reader() {
    pollfd state{STDOUT_FILENO, 0, 0};
    return ::poll(&state, 1, 0) <= 0 || (state.revents & (POLLERR | POLLHUP)) == 0;
}

} // namespace

ReaderWatch::ReaderWatch(env::Env& env, std::function<void()> gone)
    : events_(env.get_executor()), gone_(std::move(gone)) {
    if (!may_lose_its_reader()) return;
    const int events = ::epoll_create1(EPOLL_CLOEXEC);
    epoll_event none{}; // errors and hang-ups are always told
    if (events < 0 || ::epoll_ctl(events, EPOLL_CTL_ADD, STDOUT_FILENO, &none) != 0) {
        if (events >= 0) ::close(events);
        return; // then the next write tells
    }
    events_.assign(events);
    wait();
}

void ReaderWatch::wait() {
    events_.async_wait(env::asio::posix::stream_descriptor::wait_read, [this](const boost::system::error_code& error) {
        if (error) return;
        if (has_reader()) return wait();
        gone_();
    });
}

void ReaderWatch::stop() {
    boost::system::error_code ignored; // closing an epoll cannot fail
    events_.close(ignored);
}

} // namespace mars::shell
