// SPDX-License-Identifier: GPL-2.0-or-later
// Ring: one io_uring, driven by the loop. New operations are collected and submitted once per turn of the executor;
// completions are seen by polling the ring's own descriptor through asio's reactor.
// Runs on: the env's io_context. An operation's buffer belongs to the kernel until its completion was seen, also after
// a cancellation; so nothing here gives up an operation early.
// Tests: tests/unit/env/real_file_test.cpp.
#pragma once

#include <liburing.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "kernel/base/result.hpp"
#include "kernel/env/parking.hpp"
#include "kernel/env/real/file_io.hpp"

namespace mars::env {

class Ring : public std::enable_shared_from_this<Ring> {
  public:
    // Fails when the kernel does not let us have one.
    static result<std::shared_ptr<Ring>> create(asio::io_context& context);
    ~Ring();

    // Starts `op`; the waiter is completed with its result or -errno.
    void start(const IoOp& op, const std::shared_ptr<Waiter<int>>& waiter);
    // Cancels everything and blocks until the kernel uses no buffer any more. Nothing may be started afterwards.
    void shut_down();

  private:
    enum class Phase : std::uint8_t { unused, queued, submitted };

    struct Slot {
        IoOp op;
        std::weak_ptr<Waiter<int>> waiter;
        std::uint32_t generation = 0;
        Phase phase = Phase::unused;
    };

    explicit Ring(asio::io_context& context) : executor_(context.get_executor()), readable_(context) {}

    result<void> try_out();
    std::uint64_t token(std::uint32_t index) const;
    Slot* find(std::uint64_t token);
    std::uint32_t take_slot();
    void schedule();
    void turn();
    void fill();
    bool prepare(std::uint32_t index);
    void submit();
    void reap();
    void finish(std::uint32_t index, int value);
    void cancel(std::uint64_t token);
    void watch();

    asio::io_context::executor_type executor_;
    asio::posix::stream_descriptor readable_; // a duplicate of the ring's descriptor
    io_uring ring_{};
    bool usable_ = false;
    bool scheduled_ = false;
    bool watching_ = false;
    std::size_t submitted_ = 0; // operations whose buffers the kernel may use
    std::vector<Slot> slots_;
    std::vector<std::uint32_t> free_;
    std::deque<std::uint32_t> queue_;        // slots that wait to be submitted
    std::deque<std::uint64_t> cancel_queue_; // tokens whose cancellation waits to be submitted
};

} // namespace mars::env
