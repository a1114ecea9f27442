// SPDX-License-Identifier: GPL-2.0-or-later
// HandlerWatch: aborts a debug build whose event loop spends too long in one handler, because meanwhile every device of
// the host waits. Asio includes this file where MARS_WATCH_HANDLERS is set (BOOST_ASIO_CUSTOM_HANDLER_TRACKING, with
// the macros that its documentation asks for below); a HandlerWatch lives as long as a handler runs. Use:
// watch_handlers() once on the loop's thread. Others are not watched. Tests: tests/unit/env/handler_watch_test.cpp.
#pragma once

#include <chrono>

namespace mars::env {

class HandlerWatch {
  public:
    // A handler has taken `limit` or longer: the process aborts, and says so. Counted is what the handler did (a
    // quarter of it: sanitizers slow it down) or waited for, not the time for which other threads had the processors. A
    // no-op where Asio was not built for it.
    static void watch_handlers(std::chrono::milliseconds limit);

    HandlerWatch() {
        if (is_armed_ && depth_++ == 0) begin();
    }
    ~HandlerWatch() {
        if (is_armed_ && depth_ > 0 && --depth_ == 0) end(); // depth 0: armed by this very handler
    }
    HandlerWatch(const HandlerWatch&) = delete;
    HandlerWatch& operator=(const HandlerWatch&) = delete;

  private:
    static void begin();
    static void end();

    static thread_local bool is_armed_;
    static thread_local int depth_; // handlers that run inside others are parts of them
};

} // namespace mars::env

#ifdef MARS_WATCH_HANDLERS
#define BOOST_ASIO_INHERIT_TRACKED_HANDLER
#define BOOST_ASIO_ALSO_INHERIT_TRACKED_HANDLER
#define BOOST_ASIO_HANDLER_TRACKING_INIT (void)0
#define BOOST_ASIO_HANDLER_LOCATION(args) (void)0
#define BOOST_ASIO_HANDLER_CREATION(args) (void)0
#define BOOST_ASIO_HANDLER_COMPLETION(args) const ::mars::env::HandlerWatch mars_handler_watch
#define BOOST_ASIO_HANDLER_INVOCATION_BEGIN(args) (void)0
#define BOOST_ASIO_HANDLER_INVOCATION_END (void)0
#define BOOST_ASIO_HANDLER_OPERATION(args) (void)0
#define BOOST_ASIO_HANDLER_REACTOR_REGISTRATION(args) (void)0
#define BOOST_ASIO_HANDLER_REACTOR_DEREGISTRATION(args) (void)0
#define BOOST_ASIO_HANDLER_REACTOR_READ_EVENT 0
#define BOOST_ASIO_HANDLER_REACTOR_WRITE_EVENT 0
#define BOOST_ASIO_HANDLER_REACTOR_ERROR_EVENT 0
#define BOOST_ASIO_HANDLER_REACTOR_EVENTS(args) (void)0
#define BOOST_ASIO_HANDLER_REACTOR_OPERATION(args) (void)0
#endif
