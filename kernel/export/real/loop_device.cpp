// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/export/real/loop_device.hpp"

#include <fcntl.h>
#include <linux/loop.h>
#include <linux/major.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "kernel/env/real/fd.hpp"

namespace mars::exports {

using env::UniqueFd;

namespace {

constexpr int kAttempts = 64; // others may take the free device that we were told, each time
constexpr std::uint32_t kBlockBytes = 512;

result<UniqueFd> open_path(const std::string& path, int flags) {
    UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC));
    if (!fd) return errno_failure(errno, "cannot open " + path);
    return fd;
}

// A node that is there as long as this object.
class PrivateNode {
  public:
    static result<PrivateNode> make(const std::string& path, int number) {
        MARS_TRY_VOID(make_loop_node(path, number));
        return PrivateNode(path);
    }
    PrivateNode(PrivateNode&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    PrivateNode& operator=(PrivateNode&&) = delete;
    ~PrivateNode() {
        if (!path_.empty()) (void)::unlink(path_.c_str()); // in nobody's way
    }

    result<UniqueFd> open(int flags) const { return open_path(path_, flags); }

  private:
    explicit PrivateNode(std::string path) : path_(std::move(path)) {}

    std::string path_;
};

result<int> free_number() {
    MARS_TRY(auto control, open_path("/dev/loop-control", O_RDWR));
    int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) return errno_failure(errno, "cannot get a free loop device");
    return number;
}

// The status, when the device at `fd` still has the file that we gave it.
bool get_status(int fd, const LoopId& loop, loop_info64& info) {
    if (::ioctl(fd, LOOP_GET_STATUS64, &info) < 0) return false;
    return info.lo_device == loop.file_device && info.lo_inode == loop.file_inode;
}

result<void> set_autoclear(int fd, const LoopId& loop, bool on) {
    loop_info64 info{};
    if (!get_status(fd, loop, info)) return failure(std::errc::no_such_device, loop.text() + " is not ours any more");
    auto flag = static_cast<std::uint32_t>(LO_FLAGS_AUTOCLEAR);
    info.lo_flags = on ? info.lo_flags | flag : info.lo_flags & ~flag;
    if (::ioctl(fd, LOOP_SET_STATUS64, &info) < 0)
        return errno_failure(errno, "cannot set the flags of " + loop.text());
    return {};
}

// True when attached; false when somebody else was faster.
result<bool> configure(int file, const PrivateNode& node, const std::string& label) {
    MARS_TRY(auto fd, node.open(O_RDWR));
    loop_config config{};
    config.fd = static_cast<std::uint32_t>(file);
    config.block_size = kBlockBytes;
    config.info.lo_flags = LO_FLAGS_DIRECT_IO;
    auto length = std::min(label.size(), sizeof config.info.lo_file_name - 1);
    std::memcpy(config.info.lo_file_name, label.data(), length);
    if (::ioctl(fd.get(), LOOP_CONFIGURE, &config) == 0) return true;
    if (errno == EBUSY) return false;
    return errno_failure(errno, "cannot attach " + label + " to a loop device");
}

bool is_replaceable(const std::string& path) {
    struct stat st {};
    if (::lstat(path.c_str(), &st) < 0) return errno == ENOENT;
    return S_ISBLK(st.st_mode) || S_ISLNK(st.st_mode);
}

failure not_a_node(const std::string& path) {
    return {std::errc::file_exists, path + " exists and is no block device: remove it"};
}

} // namespace

dev_t LoopId::device() const {
    return makedev(LOOP_MAJOR, static_cast<unsigned>(number));
}

result<LoopId> attach_loop(const std::string& file, const std::string& node,
                           const std::function<result<void>(const LoopId&)>& claimed) {
    MARS_TRY(auto fd, open_path(file, O_RDWR));
    struct stat st {};
    if (::fstat(fd.get(), &st) < 0) return errno_failure(errno, "cannot stat " + file);
    for (int i = 0; i < kAttempts; ++i) {
        LoopId loop;
        MARS_TRY(loop.number, free_number());
        loop.file_device = st.st_dev;
        loop.file_inode = st.st_ino;
        MARS_TRY_VOID(claimed(loop));
        MARS_TRY(auto own, PrivateNode::make(node, loop.number));
        MARS_TRY(bool attached, configure(fd.get(), own, file));
        if (attached) return loop;
    }
    return failure(std::errc::device_or_resource_busy,
                   "no free loop device for " + file + ": others take each of them");
}

result<UniqueFd> hold_loop(const LoopId& loop, const std::string& node) {
    MARS_TRY(auto own, PrivateNode::make(node, loop.number));
    MARS_TRY(auto fd, own.open(O_RDONLY));
    loop_info64 info{};
    if (!get_status(fd.get(), loop, info))
        return failure(std::errc::no_such_device, loop.text() + " is not ours any more");
    return fd;
}

result<bool> keep_attached(int held, const LoopId& loop) {
    loop_info64 info{};
    if (!get_status(held, loop, info)) return failure(std::errc::no_such_device, loop.text() + " is not ours any more");
    if ((info.lo_flags & LO_FLAGS_AUTOCLEAR) == 0) return false;
    MARS_TRY_VOID(set_autoclear(held, loop, false));
    return true;
}

// With "autoclear" the kernel writes back and detaches when the last opener closes, in one step. When we are the last
// one, that happens at our close; else the device is still there afterwards and we take the flag back.
result<LoopState> try_detach_loop(const LoopId& loop, const std::string& node, UniqueFd& held) {
    MARS_TRY(auto own, PrivateNode::make(node, loop.number));
    {
        MARS_TRY(auto fd, own.open(O_RDWR));
        held = UniqueFd(); // not the last one
        if (::fsync(fd.get()) < 0) return errno_failure(errno, "cannot write back the cached data of " + loop.text());
        MARS_TRY_VOID(set_autoclear(fd.get(), loop, true));
    }
    MARS_TRY(auto fd, own.open(O_RDWR));
    loop_info64 info{};
    if (!get_status(fd.get(), loop, info)) return LoopState::gone;
    MARS_TRY_VOID(set_autoclear(fd.get(), loop, false));
    return LoopState::busy;
}

// The status of a loop device whose file nobody serves may fail; then it is still ours, as a number is not given to
// anybody else before the device has been detached.
result<LoopState> abandon_loop(const LoopId& loop, const std::string& node) {
    MARS_TRY(auto own, PrivateNode::make(node, loop.number));
    auto attached = [&loop](int fd) {
        loop_info64 info{};
        if (::ioctl(fd, LOOP_GET_STATUS64, &info) < 0) return errno != ENXIO;
        return info.lo_device == loop.file_device && info.lo_inode == loop.file_inode;
    };
    {
        MARS_TRY(auto fd, own.open(O_RDONLY));
        if (!attached(fd.get())) return LoopState::gone;
        if (::ioctl(fd.get(), LOOP_CLR_FD) < 0 && errno != ENXIO)
            return errno_failure(errno, "cannot detach " + loop.text());
    }
    MARS_TRY(auto fd, own.open(O_RDONLY));
    return attached(fd.get()) ? LoopState::busy : LoopState::gone;
}

result<void> grow_loop(const LoopId& loop, const std::string& node, const std::string& file) {
    MARS_TRY(auto own, PrivateNode::make(node, loop.number));
    struct stat st {};
    if (::stat(file.c_str(), &st) < 0) return errno_failure(errno, "cannot stat " + file); // the kernel learns the size
    MARS_TRY(auto fd, own.open(O_RDWR));
    loop_info64 info{};
    if (!get_status(fd.get(), loop, info))
        return failure(std::errc::no_such_device, loop.text() + " is not ours any more");
    if (::ioctl(fd.get(), LOOP_SET_CAPACITY) < 0) return errno_failure(errno, "cannot grow " + loop.text());
    return {};
}

std::string loop_backing_file(int number) {
    std::ifstream in("/sys/block/loop" + std::to_string(number) + "/loop/backing_file");
    std::string path;
    std::getline(in, path);
    constexpr std::string_view kDeleted = " (deleted)";
    if (path.ends_with(kDeleted)) path.resize(path.size() - kDeleted.size());
    return path;
}

result<void> make_loop_node(const std::string& path, int number) {
    if (!is_replaceable(path)) return not_a_node(path);
    auto temporary = path + ".tmp";
    (void)::unlink(temporary.c_str()); // a leftover; when it cannot go, mknod says why
    auto device = makedev(LOOP_MAJOR, static_cast<unsigned>(number));
    int made = ::mknod(temporary.c_str(), S_IFBLK | 0600, device);
    if (made < 0 && errno == EPERM) made = ::symlink(("/dev/loop" + std::to_string(number)).c_str(), temporary.c_str());
    if (made < 0) return errno_failure(errno, "cannot create the device node " + temporary);
    if (::rename(temporary.c_str(), path.c_str()) < 0) return errno_failure(errno, "cannot rename " + temporary);
    return {};
}

result<bool> keep_loop_node(const std::string& path, const LoopId& loop) {
    struct stat st {};
    if (::stat(path.c_str(), &st) == 0 && S_ISBLK(st.st_mode) && st.st_rdev == loop.device()) return false;
    std::error_code unread;
    if (std::filesystem::read_symlink(path, unread) == loop.text() && !unread) return false; // where mknod is forbidden
    if (!is_replaceable(path))
        return failure(std::errc::file_exists, path +
                                                   " has been replaced by something that is no block device: what is "
                                                   "written there reaches no disk and no replica; next: move it away, "
                                                   "the device comes back by itself");
    MARS_TRY_VOID(make_loop_node(path, loop.number));
    return true;
}

result<void> remove_loop_node(const std::string& path) {
    if (!is_replaceable(path)) return not_a_node(path);
    if (::unlink(path.c_str()) < 0 && errno != ENOENT) return errno_failure(errno, "cannot remove " + path);
    return {};
}

} // namespace mars::exports
