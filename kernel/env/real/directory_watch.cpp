// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/env/real/directory_watch.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace mars::env {

namespace {

// IN_ATTRIB: somebody has touched a symlink.
constexpr std::uint32_t kEvents =
    IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CLOSE_WRITE | IN_ATTRIB | IN_ONLYDIR | IN_DONT_FOLLOW;
constexpr std::size_t kBufferBytes = 64 * 1024;

} // namespace

result<std::unique_ptr<RealDirectoryWatch>> RealDirectoryWatch::create(asio::io_context& context) {
    int fd = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd < 0) return errno_failure(errno, "cannot watch directories (limit: fs.inotify.max_user_instances)");
    return std::make_unique<RealDirectoryWatch>(context, fd);
}

result<void> RealDirectoryWatch::add(const std::string& directory) {
    int wd = ::inotify_add_watch(inotify_.native_handle(), directory.c_str(), kEvents);
    if (wd < 0 && errno == ENOSPC)
        return errno_failure(ENOSPC, "cannot watch " + directory + " (limit: fs.inotify.max_user_watches)");
    if (wd < 0) return errno_failure(errno, "cannot watch " + directory);
    directories_[wd] = directory;
    return {};
}

void RealDirectoryWatch::remove(const std::string& directory) {
    auto same = [&directory](const auto& entry) { return entry.second == directory; };
    auto found = std::find_if(directories_.begin(), directories_.end(), same);
    if (found == directories_.end()) return;
    (void)::inotify_rm_watch(inotify_.native_handle(), found->first); // fails when the directory is gone already
    directories_.erase(found);
}

task<result<std::vector<DirectoryChange>>> RealDirectoryWatch::next() {
    while (true) {
        auto pending = read_pending();
        if (!pending || !pending->empty()) co_return std::move(pending);
        boost::system::error_code error;
        co_await inotify_.async_wait(asio::posix::stream_descriptor::wait_read,
                                     asio::redirect_error(asio::use_awaitable, error));
        if (error) co_return failure(error, "waiting for directory changes: " + error.message());
    }
}

std::vector<DirectoryChange> RealDirectoryWatch::pending() {
    auto changes = read_pending();
    return changes ? std::move(*changes) : std::vector<DirectoryChange>();
}

result<std::vector<DirectoryChange>> RealDirectoryWatch::read_pending() {
    std::vector<DirectoryChange> changes;
    buffer_.resize(kBufferBytes);
    while (true) {
        auto size = ::read(inotify_.native_handle(), buffer_.data(), buffer_.size());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0 && errno == EAGAIN) return changes;
        if (size < 0) return errno_failure(errno, "cannot read directory changes");
        translate(buffer_.data(), static_cast<std::size_t>(size), changes);
    }
}

void RealDirectoryWatch::translate(const char* data, std::size_t size, std::vector<DirectoryChange>& changes) {
    while (size >= sizeof(inotify_event)) {
        inotify_event event;
        std::memcpy(&event, data, sizeof event);
        auto length = sizeof event + event.len;
        auto known = directories_.find(event.wd);
        if (event.mask & IN_Q_OVERFLOW)
            changes.push_back({"", "", true});
        else if (event.mask & IN_IGNORED && known != directories_.end())
            directories_.erase(known); // the directory itself is gone
        else if (known != directories_.end() && event.len > 0)
            changes.push_back({known->second, std::string(data + sizeof event), false});
        data += length;
        size -= length;
    }
}

} // namespace mars::env
