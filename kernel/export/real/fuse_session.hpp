// SPDX-License-Identifier: GPL-2.0-or-later
// FuseSession: a private FUSE mount with one file in it, whose content is a Device. A loop device on that file makes a
// block device of it.
// Runs on: the env's io_context, which answers the kernel's requests. So whatever may cause such a request (opening the
// file, loop ioctls, umount) must not be called there, but on the pool.
// A flush of the block device arrives as FSYNC. Discard is not offered: STATFS fails, and without it the loop driver
// does not advertise any.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>

#include <memory>
#include <string>

#include "kernel/base/result.hpp"
#include "kernel/block/device.hpp"
#include "kernel/env/event.hpp"
#include "kernel/env/real/real_env.hpp"
#include "kernel/env/task_group.hpp"
#include "kernel/export/real/buffers.hpp"

struct fuse_session;
struct fuse_req;

namespace mars::exports {

class FuseSession {
  public:
    // Mounts on `mountpoint` (an existing directory) and starts to serve `device` as the file MOUNTPOINT/NAME.
    static env::task<result<std::unique_ptr<FuseSession>>> mount(env::RealEnv& env, block::Device& device,
                                                                 std::string name, std::string mountpoint);
    ~FuseSession(); // after unmount()

    std::string file() const { return mountpoint_ + "/" + name_; }
    // False when the kernel has ended the connection (somebody has unmounted or aborted it).
    bool is_serving() const { return serving_; }
    env::Event& ended() { return ended_; }
    // Makes the kernel ask for the size again.
    result<void> forget_size();
    // Takes the mount away and ends. With `wait`, requests that still run come to their end, else they are cancelled.
    // What still has the file open gets errors.
    env::task<void> unmount(bool wait);

  private:
    friend struct FuseCalls; // the functions that libfuse calls

    FuseSession(env::RealEnv& env, block::Device& device, std::string name, std::string mountpoint);
    result<void> start(int fd);
    env::task<void> pump();
    bool receive_some();
    void cut_off(int error);
    // The payload of the request that is being processed, in memory of its own.
    Buffer take_payload(const char* data, std::size_t size, std::span<const std::byte>& payload);
    env::task<void> read(fuse_req* request, std::size_t size, std::uint64_t offset);
    env::task<void> write(fuse_req* request, Buffer buffer, std::span<const std::byte> data, std::uint64_t offset);
    env::task<void> flush(fuse_req* request);

    env::RealEnv& env_;
    block::Device& device_;
    const std::string name_;
    const std::string mountpoint_;
    struct SessionDeleter {
        void operator()(fuse_session* s) const;
    };
    std::unique_ptr<fuse_session, SessionDeleter> session_; // owns the descriptor
    env::asio::posix::stream_descriptor readable_;          // a duplicate of it
    BufferPool buffers_;
    Buffer incoming_;
    env::TaskGroup pumping_;
    env::TaskGroup requests_;
    env::Event ended_;
    bool serving_ = false;
};

} // namespace mars::exports
