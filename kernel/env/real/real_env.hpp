// SPDX-License-Identifier: GPL-2.0-or-later
// RealEnv: the Env of a real machine, for marsd and marsadm. Runs on the thread that runs the io_context; the context
// must outlive it, and everything spawned must have been joined before it goes away. Storage goes through one io_uring,
// or through threads where the kernel forbids that (io_note() tells).
#pragma once

#include <boost/asio/io_context.hpp>

#include <memory>
#include <string>

#include "kernel/env/env.hpp"
#include "kernel/env/real/blocking_pool.hpp"
#include "kernel/env/real/file_io.hpp"
#include "kernel/env/real/net.hpp"
#include "kernel/env/real/stderr_log.hpp"
#include "kernel/env/real/storage.hpp"

namespace mars::env {

class RealClock final : public Clock {
  public:
    explicit RealClock(asio::io_context& context) : context_(context) {}

    Stamp now() const override;
    Duration steady() const override;
    task<void> sleep(Duration d) override;

  private:
    asio::io_context& context_;
};

// From the kernel's generator, in portions.
class RealRandom final : public Random {
  public:
    std::uint64_t next() override;

  private:
    std::uint64_t portion_[32] = {};
    std::size_t left_ = 0;
};

class RealEnv final : public Env {
  public:
    RealEnv(asio::io_context& context, std::unique_ptr<Log> log, FileIo::Use use = FileIo::Use::ring_if_possible);
    // Logs to stderr.
    RealEnv(asio::io_context& context, LogLevel least) : RealEnv(context, make_stderr_log(least)) {}
    ~RealEnv() override;

    executor get_executor() override { return context_.get_executor(); }
    ParkingLot& lot() override { return lot_; }
    Clock& clock() override { return clock_; }
    Storage& storage() override { return storage_; }
    Net& net() override { return net_; }
    Random& random() override { return random_; }
    Log& log() override { return *log_; }
    const std::string& hostname() const override { return hostname_; }

    asio::io_context& context() { return context_; }
    // For real-world code outside env/ (kernel/export/real) that has to make calls that block.
    BlockingPool& pool() { return pool_; }
    // Empty when files go through io_uring; else why not.
    const std::string& io_note() const { return io_.why_no_ring(); }

  private:
    asio::io_context& context_;
    std::unique_ptr<Log> log_;
    ParkingLot lot_;
    BlockingPool pool_;
    FileIo io_;
    RealStorage storage_;
    RealNet net_;
    RealClock clock_;
    RealRandom random_;
    std::string hostname_;
};

} // namespace mars::env
