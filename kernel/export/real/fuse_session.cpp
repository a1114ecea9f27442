// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/export/real/fuse_session.hpp"

#define FUSE_USE_VERSION 35
#include <fuse_lowlevel.h>

#include <fcntl.h>
#include <linux/fuse.h>
#include <sys/mount.h>
#include <unistd.h>

#include <boost/asio/redirect_error.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "kernel/env/real/fd.hpp"

namespace mars::exports {

using env::task;

namespace {

constexpr fuse_ino_t kFileInode = 2;
constexpr double kForever = 1e9; // seconds; sizes are forgotten by an explicit word
constexpr std::size_t kMaxWrite = std::size_t{1} << 20;
constexpr unsigned kMaxBackground = 64;                  // requests that the kernel hands out at the same time
constexpr std::size_t kMoveFrom = std::size_t{64} << 10; // payloads above are not copied: their whole buffer moves
constexpr int kBurst = 64;                               // requests taken before others of the loop get their turn

// A WRITE's payload stands behind these headers in what the kernel delivers. So we receive to such an address that the
// payload is aligned.
constexpr std::size_t kWriteHeaders = sizeof(fuse_in_header) + sizeof(fuse_write_in);
constexpr std::size_t kReceiveOffset = kPage - kWriteHeaders;
constexpr std::size_t kReceiveBytes = kPage + kMaxWrite + kPage; // libfuse reads at most 1 MiB + 4 KiB

int errno_of(const failure& f) {
    bool is_errno = f.code.category() == std::generic_category() || f.code.category() == std::system_category();
    return is_errno && f.code.value() > 0 ? f.code.value() : EIO;
}

// Replies fail only when the request or the whole connection is gone; nobody waits for the answer then.
void reply_error(fuse_req_t request, int error) {
    (void)fuse_reply_err(request, error);
}

} // namespace

struct FuseCalls {
    static FuseSession& self(fuse_req_t request) { return *static_cast<FuseSession*>(fuse_req_userdata(request)); }

    static void init(void*, fuse_conn_info* connection) {
        connection->want &= ~static_cast<unsigned>(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
        connection->max_write = kMaxWrite;
        connection->max_background = kMaxBackground;
        connection->congestion_threshold = kMaxBackground;
    }

    static struct stat attributes(FuseSession& s, fuse_ino_t inode) {
        struct stat st {};
        st.st_ino = inode;
        st.st_nlink = 1;
        st.st_mode = inode == kFileInode ? S_IFREG | 0600 : S_IFDIR | 0700;
        st.st_blksize = 4096;
        if (inode == kFileInode) {
            st.st_size = static_cast<off_t>(s.device_.size());
            st.st_blocks = st.st_size / 512;
        }
        return st;
    }

    static void lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
        auto& s = self(request);
        if (parent != FUSE_ROOT_ID || s.name_ != name) return reply_error(request, ENOENT);
        fuse_entry_param entry{};
        entry.ino = kFileInode;
        entry.attr = attributes(s, kFileInode);
        entry.attr_timeout = kForever;
        entry.entry_timeout = kForever;
        (void)fuse_reply_entry(request, &entry);
    }

    static void getattr(fuse_req_t request, fuse_ino_t inode, fuse_file_info*) {
        auto st = attributes(self(request), inode);
        (void)fuse_reply_attr(request, &st, kForever);
    }

    static void open(fuse_req_t request, fuse_ino_t inode, fuse_file_info* file) {
        if (inode != kFileInode) return reply_error(request, EISDIR);
        file->direct_io = 1; // the page cache is above us, in the block device
        (void)fuse_reply_open(request, file);
    }

    static void read(fuse_req_t request, fuse_ino_t, std::size_t size, off_t offset, fuse_file_info*) {
        auto& s = self(request);
        s.requests_.spawn("fuse read", s.read(request, size, static_cast<std::uint64_t>(offset)));
    }

    static void write(fuse_req_t request, fuse_ino_t, const char* data, std::size_t size, off_t offset,
                      fuse_file_info*) {
        auto& s = self(request);
        std::span<const std::byte> payload;
        auto buffer = s.take_payload(data, size, payload);
        s.requests_.spawn("fuse write",
                          s.write(request, std::move(buffer), payload, static_cast<std::uint64_t>(offset)));
    }

    static void fsync(fuse_req_t request, fuse_ino_t, int, fuse_file_info*) {
        auto& s = self(request);
        s.requests_.spawn("fuse fsync", s.flush(request));
    }

    static void release(fuse_req_t request, fuse_ino_t, fuse_file_info*) { reply_error(request, 0); }

    static void statfs(fuse_req_t request, fuse_ino_t) { reply_error(request, EOPNOTSUPP); }

    static const fuse_lowlevel_ops& table() {
        static const fuse_lowlevel_ops ops = [] {
            fuse_lowlevel_ops o{};
            o.init = init;
            o.lookup = lookup;
            o.getattr = getattr;
            o.open = open;
            o.read = read;
            o.write = write;
            o.fsync = fsync;
            o.release = release;
            o.statfs = statfs;
            return o;
        }();
        return ops;
    }
};

void FuseSession::SessionDeleter::operator()(fuse_session* s) const {
    fuse_session_destroy(s);
}

FuseSession::FuseSession(env::RealEnv& env, block::Device& device, std::string name, std::string mountpoint)
    : env_(env), device_(device), name_(std::move(name)), mountpoint_(std::move(mountpoint)), readable_(env.context()),
      pumping_(env), requests_(env), ended_(env.lot()) {}

FuseSession::~FuseSession() = default;

namespace {

// Opens a FUSE connection and mounts it. Blocks.
result<env::UniqueFd> mount_connection(const std::string& name, const std::string& mountpoint) {
    env::UniqueFd fd(::open("/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK));
    if (!fd) return errno_failure(errno, "cannot open /dev/fuse");
    auto source = "mars:" + name;
    auto options = "fd=" + std::to_string(fd.get()) + ",rootmode=40000,user_id=0,group_id=0";
    if (::mount(source.c_str(), mountpoint.c_str(), "fuse.mars", MS_NOSUID | MS_NODEV, options.c_str()) < 0)
        return errno_failure(errno, "cannot mount FUSE on " + mountpoint);
    return fd;
}

} // namespace

task<result<std::unique_ptr<FuseSession>>> FuseSession::mount(env::RealEnv& env, block::Device& device,
                                                              std::string name, std::string mountpoint) {
    std::unique_ptr<FuseSession> s(new FuseSession(env, device, std::move(name), std::move(mountpoint)));
    auto work = [n = s->name_, m = s->mountpoint_] { return mount_connection(n, m); };
    MARS_CO_TRY(auto fd, co_await env.pool().run(std::move(work)));
    auto started = s->start(fd.get());
    if (!started) {
        auto undo = [m = s->mountpoint_] { return ::umount2(m.c_str(), MNT_DETACH); };
        (void)co_await env.pool().run(undo); // the failure to start is what matters
        co_return started.error();
    }
    (void)fd.release(); // the session owns it now
    co_return std::move(s);
}

// `fd` belongs to the session after success only.
result<void> FuseSession::start(int fd) {
    char program[] = "marsd";
    char* argv[] = {program, nullptr};
    fuse_args args = FUSE_ARGS_INIT(1, argv);
    session_.reset(fuse_session_new(&args, &FuseCalls::table(), sizeof(fuse_lowlevel_ops), this));
    fuse_opt_free_args(&args);
    if (!session_) return failure(std::errc::not_enough_memory, "cannot create a FUSE session");
    int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) return errno_failure(errno, "cannot duplicate the FUSE descriptor");
    boost::system::error_code refused;
    readable_.assign(copy, refused);
    if (refused) {
        ::close(copy);
        return failure(refused, "cannot poll FUSE: " + refused.message());
    }
    auto path = "/dev/fd/" + std::to_string(fd);
    if (fuse_session_mount(session_.get(), path.c_str()) != 0)
        return failure(std::errc::io_error, "libfuse does not accept the mount on " + mountpoint_);
    serving_ = true;
    pumping_.spawn("fuse pump", pump());
    return {};
}

task<void> FuseSession::pump() {
    while (receive_some()) {
        boost::system::error_code error;
        co_await readable_.async_wait(env::asio::posix::stream_descriptor::wait_read,
                                      env::asio::redirect_error(env::asio::use_awaitable, error));
        if (error && error != env::asio::error::operation_aborted) break;
    }
    serving_ = false;
    ended_.notify();
}

// Takes what the kernel has for us. False when the connection has ended.
bool FuseSession::receive_some() {
    for (int i = 0; i < kBurst; ++i) {
        if (!incoming_) incoming_ = buffers_.take(kReceiveBytes);
        fuse_buf buffer{};
        buffer.mem = incoming_.data() + kReceiveOffset;
        int got = fuse_session_receive_buf(session_.get(), &buffer);
        if (got == -EAGAIN || got == -EINTR) {
            incoming_ = Buffer(); // a device that is not in use needs none
            return true;
        }
        if (got < 0) cut_off(-got);
        if (got <= 0) return false;
        fuse_session_process_buf(session_.get(), &buffer);
    }
    return true;
}

// Nobody will answer any more. The kernel has to know, else whoever uses the device waits for ever.
void FuseSession::cut_off(int error) {
    env_.log().error("fuse connection of " + name_ + ": " + std::strerror(error) +
                     "; it is ended, and its device fails");
    env_.pool().start_detached([m = mountpoint_] { (void)::umount2(m.c_str(), MNT_FORCE | MNT_DETACH); });
}

Buffer FuseSession::take_payload(const char* data, std::size_t size, std::span<const std::byte>& payload) {
    if (size > kMoveFrom) {
        payload = std::as_bytes(std::span(data, size));
        return std::move(incoming_);
    }
    auto buffer = buffers_.take(size);
    std::memcpy(buffer.data(), data, size);
    payload = buffer.first(size);
    return buffer;
}

task<void> FuseSession::read(fuse_req* request, std::size_t size, std::uint64_t offset) {
    auto end = device_.size();
    size = offset >= end ? 0 : std::min<std::size_t>(size, end - offset);
    auto buffer = buffers_.take(size);
    if (size > 0) {
        auto done = co_await device_.read(offset, buffer.first(size));
        if (!done) {
            reply_error(request, errno_of(done.error()));
            co_return;
        }
    }
    (void)fuse_reply_buf(request, reinterpret_cast<const char*>(buffer.data()), size);
}

task<void> FuseSession::write(fuse_req* request, Buffer buffer, std::span<const std::byte> data, std::uint64_t offset) {
    auto done = co_await device_.write(offset, data, false);
    buffer = Buffer(); // free for the next request before the answer causes one
    if (done)
        (void)fuse_reply_write(request, data.size());
    else
        reply_error(request, errno_of(done.error()));
}

task<void> FuseSession::flush(fuse_req* request) {
    auto done = co_await device_.flush();
    reply_error(request, done ? 0 : errno_of(done.error()));
}

result<void> FuseSession::forget_size() {
    constexpr off_t kOnlyAttributes = -1;
    int error = fuse_lowlevel_notify_inval_inode(session_.get(), kFileInode, kOnlyAttributes, 0);
    if (error == -ENOENT) return {}; // the kernel does not know the file: nothing to forget
    if (error) return errno_failure(-error, "cannot make the kernel forget the size of " + file());
    return {};
}

task<void> FuseSession::unmount(bool wait) {
    auto detach = [m = mountpoint_] { return ::umount2(m.c_str(), MNT_DETACH) < 0 ? errno : 0; };
    int error = co_await env_.pool().run(detach);
    if (error && error != EINVAL) // EINVAL: not mounted any more
        env_.log().warning("fuse umount of " + mountpoint_ + " failed: " + std::strerror(error));
    if (wait) co_await requests_.join();
    co_await pumping_.stop();
    co_await requests_.stop();
    boost::system::error_code ignored; // only a duplicate
    readable_.close(ignored);
    session_.reset();
}

} // namespace mars::exports
