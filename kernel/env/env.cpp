// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/env/env.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>

namespace mars::env {

task<bool> wait_for(Env& env, Event& event, Duration limit) {
    using namespace asio::experimental::awaitable_operators;
    auto first = co_await (event.wait() || env.clock().sleep(limit));
    co_return first.index() == 0;
}

} // namespace mars::env
