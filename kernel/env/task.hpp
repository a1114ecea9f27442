// SPDX-License-Identifier: GPL-2.0-or-later
// task<T>: the coroutine type of everything that may suspend.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace mars::env {

namespace asio = boost::asio;

template<class T = void>
using task = asio::awaitable<T>;
using executor = asio::any_io_executor;

} // namespace mars::env
