// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/env/real/file_io.hpp"

#include <cerrno>
#include <unistd.h>

#include "kernel/env/real/ring.hpp"

namespace mars::env {

namespace {

ssize_t call(const IoOp& op) {
    auto offset = static_cast<off_t>(op.offset);
    switch (op.kind) {
    case IoOp::Kind::read:
        return ::pread(op.fd, op.data, op.length, offset);
    case IoOp::Kind::write:
        return ::pwrite(op.fd, op.data, op.length, offset);
    case IoOp::Kind::sync:
        return ::fdatasync(op.fd);
    }
    errno = EINVAL;
    return -1;
}

int blocking(const IoOp& op) {
    auto got = call(op);
    return got < 0 ? -errno : static_cast<int>(got);
}

} // namespace

FileIo::FileIo(asio::io_context& context, ParkingLot& lot, BlockingPool& pool, Use use) : lot_(lot), pool_(pool) {
    if (use == Use::threads) {
        why_no_ring_ = "not wanted";
        return;
    }
    auto ring = Ring::create(context);
    if (ring)
        ring_ = std::move(*ring);
    else
        why_no_ring_ = ring.error().text;
}

FileIo::~FileIo() {
    if (ring_) ring_->shut_down();
}

task<int> FileIo::run(IoOp op) {
    if (ring_) {
        auto start = [this, op](const std::shared_ptr<Waiter<int>>& waiter) { ring_->start(op, waiter); };
        int got = co_await park<int>(lot_, start);
        if (got != -EAGAIN) co_return got; // the kernel could not find a worker: do it ourselves
    }
    auto start = [this, op](const std::shared_ptr<Waiter<int>>& waiter) {
        auto work = [op] { return blocking(op); };
        pool_.start_on_thread(work, waiter);
    };
    co_return co_await park<int>(lot_, start);
}

} // namespace mars::env
