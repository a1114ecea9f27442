// SPDX-License-Identifier: GPL-2.0-or-later
// RealNet: TCP by asio. A peer that does not answer ends the connection after about 30 s.
// Tests: tests/unit/env/real_net_test.cpp.
#pragma once

#include <boost/asio/io_context.hpp>

#include "kernel/env/net.hpp"

namespace mars::env {

class RealNet final : public Net {
  public:
    explicit RealNet(asio::io_context& context) : context_(context) {}

    task<result<std::unique_ptr<Stream>>> connect(Endpoint to, Duration timeout) override;
    result<std::unique_ptr<Listener>> listen(Endpoint at) override;

  private:
    asio::io_context& context_;
};

} // namespace mars::env
