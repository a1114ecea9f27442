// SPDX-License-Identifier: GPL-2.0-or-later
// ExtentWriter: writes an ExtentMap to a device: in ascending order, neighbours together, several requests in flight.
// Used by the writeback of a primary and by the replay of a secondary. Runs on: the resource's io_context.
// Nothing is flushed. The map and the device must stay until write() has ended. Tests:
// tests/unit/block/extent_map_test.cpp.
#pragma once

#include <functional>
#include <optional>

#include "kernel/block/device.hpp"
#include "kernel/block/extent_map.hpp"
#include "kernel/env/env.hpp"

namespace mars::block {

struct ExtentWriterOptions {
    std::size_t max_request_bytes = 1 << 20;
    std::size_t max_requests = 32;          // in flight
    std::size_t max_flying_bytes = 4 << 20; // in all requests in flight; one request is always let through
    std::function<env::task<void>()> pace;  // awaited before each request, when set
};

class ExtentWriter {
  public:
    ExtentWriter(env::Env& env, Device& device, ExtentWriterOptions options)
        : env_(env), device_(device), options_(std::move(options)) {}

    // Writes all pieces. Ends when no request is in flight any more; after the first failure no further one is started.
    // Not interrupted by cancellation.
    env::task<result<void>> write(const ExtentMap& extents);

  private:
    struct Run;
    struct Progress;

    std::optional<Run> take_run(Progress& progress) const;
    env::task<void> work(Progress& progress);

    env::Env& env_;
    Device& device_;
    ExtentWriterOptions options_;
};

} // namespace mars::block
