// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/env/real/file.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

namespace mars::env {

namespace {

constexpr std::size_t kMaxPiece = std::size_t{1} << 30; // one system call; the kernel's limit is 2 GiB - 4 KiB
constexpr int kSectorBytes = 512;

int open_flags(OpenMode mode, bool is_block) {
    // Non-blocking only until we know what it is: a FIFO must not hang us.
    int flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (mode.write ? O_RDWR : O_RDONLY);
    if (mode.create) flags |= O_CREAT;
    if (mode.exclusive && (mode.create || is_block)) flags |= O_EXCL;
    if (mode.direct) flags |= O_DIRECT;
    if (!mode.follow) flags |= O_NOFOLLOW;
    return flags;
}

failure open_failure(int error, const std::string& path) {
    if (error == EBUSY) {
        return {std::errc::device_or_resource_busy, path + " is in use (mounted, or held by another program)"};
    }
    if (error == ELOOP)
        return {std::errc::too_many_symbolic_link_levels, path + " is a symlink; that is not allowed here"};
    return errno_failure(error, "cannot open " + path);
}

result<void> check_kind(const struct stat& st, OpenFile& file) {
    file.is_block = S_ISBLK(st.st_mode);
    if (file.is_block || S_ISREG(st.st_mode)) return {};
    auto code = S_ISDIR(st.st_mode) ? std::errc::is_a_directory : std::errc::invalid_argument;
    return failure(code, file.path + " is neither a regular file nor a block device");
}

} // namespace

result<OpenFile> open_file(const std::string& path, OpenMode mode) {
    OpenFile file;
    file.path = path;
    struct stat st {};
    bool is_block =
        ::fstatat(AT_FDCWD, path.c_str(), &st, mode.follow ? 0 : AT_SYMLINK_NOFOLLOW) == 0 && S_ISBLK(st.st_mode);
    int flags = open_flags(mode, is_block);
    file.direct = mode.direct;
    file.fd.reset(::open(path.c_str(), flags, 0600));
    if (!file.fd && errno == EINVAL && mode.direct) { // tmpfs and overlayfs refuse O_DIRECT
        file.direct = false;
        file.fd.reset(::open(path.c_str(), flags & ~(O_DIRECT | O_EXCL), 0600));
    }
    if (!file.fd) return open_failure(errno, path);
    if (::fstat(file.fd.get(), &st) < 0) return errno_failure(errno, "cannot stat " + path);
    MARS_TRY_VOID(check_kind(st, file));
    // What O_EXCL is for devices. Where the filesystem has no locks, there is none.
    const bool wants_lock = mode.exclusive && !mode.create && !file.is_block;
    if (wants_lock && ::flock(file.fd.get(), LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        return open_failure(EBUSY, path);
    int now = ::fcntl(file.fd.get(), F_GETFL);
    if (now < 0 || ::fcntl(file.fd.get(), F_SETFL, now & ~O_NONBLOCK) < 0)
        return errno_failure(errno, "cannot set the flags of " + path);
    return file;
}

failure RealFile::at(int error, const char* what, std::uint64_t offset) const {
    return errno_failure(error,
                         "cannot " + std::string(what) + " " + file_.path + " at byte " + std::to_string(offset));
}

task<result<std::size_t>> RealFile::read(std::uint64_t offset, std::span<std::byte> into) {
    std::size_t done = 0;
    while (done < into.size()) {
        auto length = static_cast<std::uint32_t>(std::min(into.size() - done, kMaxPiece));
        IoOp op{IoOp::Kind::read, file_.fd.get(), length, offset + done, into.data() + done};
        int got = co_await io_.run(op);
        if (got == -EINTR) continue;
        if (got < 0) co_return at(-got, "read", op.offset);
        if (got == 0) break;
        done += static_cast<std::size_t>(got);
        if (file_.direct && got % kSectorBytes != 0) break; // the odd end of a file: no aligned read is left
    }
    co_return done;
}

task<result<void>> RealFile::write(std::uint64_t offset, std::span<const std::byte> data) {
    std::size_t done = 0;
    while (done < data.size()) {
        auto length = static_cast<std::uint32_t>(std::min(data.size() - done, kMaxPiece));
        auto* from = const_cast<std::byte*>(data.data() + done); // a write only reads it
        IoOp op{IoOp::Kind::write, file_.fd.get(), length, offset + done, from};
        int got = co_await io_.run(op);
        if (got == -EINTR) continue;
        if (got == 0) got = -ENOSPC; // the end of a block device
        if (got < 0) co_return at(-got, "write", op.offset);
        done += static_cast<std::size_t>(got);
    }
    co_return result<void>();
}

task<result<void>> RealFile::sync_data() {
    IoOp op{IoOp::Kind::sync, file_.fd.get(), 0, 0, nullptr};
    int got = co_await io_.run(op);
    if (got < 0) co_return errno_failure(-got, "cannot sync " + file_.path + " (what was written may be lost)");
    co_return result<void>();
}

task<void> RealFile::forget_cached() {
    auto forget = [fd = file_.fd.get()] { return ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED); };
    (void)co_await pool_.run(forget); // then it is as before
}

task<result<void>> RealFile::resize(std::uint64_t size) {
    auto cut = [fd = file_.fd.get(), size] { return ::ftruncate(fd, static_cast<off_t>(size)) == 0 ? 0 : errno; };
    int error = co_await pool_.run(cut);
    if (error) co_return errno_failure(error, "cannot resize " + file_.path + " to " + std::to_string(size) + " bytes");
    co_return result<void>();
}

result<std::uint64_t> RealFile::size() const {
    if (file_.is_block) {
        std::uint64_t bytes = 0;
        if (::ioctl(file_.fd.get(), BLKGETSIZE64, &bytes) < 0)
            return errno_failure(errno, "cannot get the size of " + file_.path);
        return bytes;
    }
    struct stat st {};
    if (::fstat(file_.fd.get(), &st) < 0) return errno_failure(errno, "cannot stat " + file_.path);
    return static_cast<std::uint64_t>(st.st_size);
}

} // namespace mars::env
