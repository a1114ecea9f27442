// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/env/real/ring.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <cerrno>
#include <unistd.h>

namespace mars::env {

namespace {

constexpr unsigned kEntries = 256;
// What a hanging disk keeps must leave room for others: so many operations at once, and (most of them need one while
// they block) so many workers. The kernel's own bound of workers is 4 for each processor: eight hanging flushes on a
// small host would stop every log.
constexpr std::size_t kMostSubmitted = 8192;
constexpr unsigned kWorkers = 4096;
constexpr std::uint64_t kCancelToken = ~std::uint64_t{0}; // completions of cancel requests: of no interest

} // namespace

result<std::shared_ptr<Ring>> Ring::create(asio::io_context& context) {
    std::shared_ptr<Ring> ring(new Ring(context));
    // Completions run when we enter the kernel anyway; no inter-processor interrupt needed. Kernels before 5.19:
    // EINVAL.
    io_uring_params wish{};
    wish.cq_entries = kMostSubmitted;
    wish.flags = IORING_SETUP_COOP_TASKRUN | IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE;
    io_uring_params params = wish;
    int error = io_uring_queue_init_params(kEntries, &ring->ring_, &params);
    if (error == -EINVAL) {
        params = wish;
        params.flags = IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE;
        error = io_uring_queue_init_params(kEntries, &ring->ring_, &params);
    }
    if (error < 0) return errno_failure(-error, "io_uring is not available");
    ring->usable_ = true;
    unsigned workers[2] = {kWorkers, kWorkers}; // bounded, unbounded
    error = io_uring_register_iowq_max_workers(&ring->ring_, workers);
    if (error < 0) return errno_failure(-error, "io_uring of this kernel has too few workers (before 5.15)");
    MARS_TRY_VOID(ring->try_out());
    int copy = ::fcntl(ring->ring_.ring_fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) return errno_failure(errno, "cannot duplicate the io_uring descriptor");
    boost::system::error_code refused;
    ring->readable_.assign(copy, refused);
    if (refused) {
        ::close(copy);
        return failure(refused, "cannot poll io_uring: " + refused.message());
    }
    return ring;
}

// One operation that does nothing: a filter of system calls may allow to make a ring and forbid to use it.
result<void> Ring::try_out() {
    auto* sqe = io_uring_get_sqe(&ring_);
    io_uring_prep_nop(sqe);
    int error = io_uring_submit(&ring_);
    if (error < 0) return errno_failure(-error, "io_uring cannot be used");
    io_uring_cqe* cqe = nullptr;
    do error = io_uring_wait_cqe(&ring_, &cqe);
    while (error == -EINTR);
    if (error < 0) return errno_failure(-error, "io_uring cannot be used");
    error = cqe->res;
    io_uring_cqe_seen(&ring_, cqe);
    return error < 0 ? result<void>(errno_failure(-error, "io_uring cannot be used")) : result<void>();
}

Ring::~Ring() {
    if (usable_) io_uring_queue_exit(&ring_);
}

std::uint64_t Ring::token(std::uint32_t index) const {
    return (std::uint64_t{slots_[index].generation} << 32) | index;
}

Ring::Slot* Ring::find(std::uint64_t token) {
    auto index = static_cast<std::uint32_t>(token);
    if (index >= slots_.size()) return nullptr;
    auto& slot = slots_[index];
    return slot.phase != Phase::unused && slot.generation == token >> 32 ? &slot : nullptr;
}

std::uint32_t Ring::take_slot() {
    if (free_.empty()) {
        free_.push_back(static_cast<std::uint32_t>(slots_.size()));
        slots_.emplace_back();
    }
    auto index = free_.back();
    free_.pop_back();
    return index;
}

void Ring::start(const IoOp& op, const std::shared_ptr<Waiter<int>>& waiter) {
    auto index = take_slot();
    auto& slot = slots_[index];
    slot.op = op;
    slot.waiter = waiter;
    slot.phase = Phase::queued;
    queue_.push_back(index);
    waiter->on_cancel = [this, token = token(index)] { cancel(token); };
    schedule();
}

void Ring::schedule() {
    if (scheduled_) return;
    scheduled_ = true;
    asio::post(executor_, [weak = weak_from_this()] {
        if (auto self = weak.lock()) self->turn();
    });
}

// One turn: everything that was started since the last one goes to the kernel in one call; what has completed meanwhile
// (often at once, from the page cache) is picked up without waiting for the reactor.
void Ring::turn() {
    scheduled_ = false;
    fill();
    submit();
    reap();
    watch();
}

void Ring::fill() {
    while (!cancel_queue_.empty()) {
        auto* sqe = io_uring_get_sqe(&ring_);
        if (!sqe) return;
        io_uring_prep_cancel64(sqe, cancel_queue_.front(), 0);
        io_uring_sqe_set_data64(sqe, kCancelToken);
        cancel_queue_.pop_front();
    }
    while (!queue_.empty() && submitted_ < kMostSubmitted && prepare(queue_.front())) queue_.pop_front();
}

bool Ring::prepare(std::uint32_t index) {
    auto* sqe = io_uring_get_sqe(&ring_);
    if (!sqe) return false;
    auto& slot = slots_[index];
    const auto& op = slot.op;
    switch (op.kind) {
    case IoOp::Kind::read:
        io_uring_prep_read(sqe, op.fd, op.data, op.length, op.offset);
        break;
    case IoOp::Kind::write:
        io_uring_prep_write(sqe, op.fd, op.data, op.length, op.offset);
        break;
    case IoOp::Kind::sync:
        io_uring_prep_fsync(sqe, op.fd, IORING_FSYNC_DATASYNC);
        break;
    }
    io_uring_sqe_set_data64(sqe, token(index));
    slot.phase = Phase::submitted;
    ++submitted_;
    return true;
}

void Ring::submit() {
    while (io_uring_sq_ready(&ring_) > 0) {
        int count = io_uring_submit(&ring_);
        if (count == -EINTR) continue;
        // Out of memory, or completions must be taken first: next turn.
        if (count == -EAGAIN || count == -EBUSY || count == -ENOMEM) {
            schedule();
            return;
        }
        if (count < 0) panic("io_uring_submit: errno " + std::to_string(-count));
    }
}

void Ring::reap() {
    io_uring_cqe* cqe = nullptr;
    while (io_uring_peek_cqe(&ring_, &cqe) == 0) {
        auto id = io_uring_cqe_get_data64(cqe);
        int value = cqe->res;
        io_uring_cqe_seen(&ring_, cqe);
        if (id == kCancelToken) continue;
        --submitted_;
        finish(static_cast<std::uint32_t>(id), value);
    }
    if (!queue_.empty() || !cancel_queue_.empty()) schedule();
}

void Ring::finish(std::uint32_t index, int value) {
    auto& slot = slots_[index];
    auto waiter = slot.waiter.lock();
    slot.waiter.reset();
    slot.phase = Phase::unused;
    ++slot.generation;
    free_.push_back(index);
    if (waiter) waiter->complete(value);
}

void Ring::cancel(std::uint64_t id) {
    auto* slot = find(id);
    if (!slot) return;
    if (slot->phase == Phase::queued) {
        auto index = static_cast<std::uint32_t>(id);
        std::erase(queue_, index);
        finish(index, -ECANCELED);
        return;
    }
    cancel_queue_.push_back(id); // the waiter is completed when the kernel has let go of the buffer
    schedule();
}

// Waits for completions as long as there is something to wait for, so that an idle ring does not keep the loop running.
void Ring::watch() {
    if (submitted_ == 0 && watching_) {
        boost::system::error_code ignored; // nothing was waiting
        readable_.cancel(ignored);
    }
    if (submitted_ == 0 || watching_) return;
    watching_ = true;
    readable_.async_wait(asio::posix::stream_descriptor::wait_read,
                         [weak = weak_from_this()](const boost::system::error_code&) {
                             auto self = weak.lock();
                             if (!self) return;
                             self->watching_ = false;
                             if (!self->usable_) return;
                             self->reap();
                             self->watch();
                         });
}

void Ring::shut_down() {
    for (std::uint32_t i = 0; i < slots_.size(); ++i)
        if (slots_[i].phase != Phase::unused) cancel(token(i));
    while (submitted_ > 0) {
        fill();
        submit();
        io_uring_cqe* cqe = nullptr;
        int error = io_uring_wait_cqe(&ring_, &cqe);
        if (error < 0 && error != -EINTR) panic("io_uring_wait_cqe: errno " + std::to_string(-error));
        reap();
    }
    boost::system::error_code ignored; // closing an epoll registration cannot matter any more
    readable_.close(ignored);
    io_uring_queue_exit(&ring_);
    usable_ = false;
}

} // namespace mars::env
