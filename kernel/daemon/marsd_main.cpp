// SPDX-License-Identifier: GPL-2.0-or-later
// marsd: the daemon of one host. Runs in the foreground; systemd (marsd.service, Type=notify) looks after it.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <systemd/sd-daemon.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "kernel/daemon/arguments.hpp"
#include "kernel/daemon/daemon.hpp"
#include "kernel/env/handler_watch.hpp"
#include "kernel/env/real/fd.hpp"
#include "kernel/env/real/real_env.hpp"
#include "kernel/env/task_group.hpp"
#include "kernel/export/real/host_export.hpp"
#include "kernel/export/real/process.hpp"

namespace {

using namespace mars;

// While an orderly end waits for devices in use, says so: at once, and whenever the reason changes.
env::task<void> report_waiting(env::Env& env, daemon::Daemon& daemon) {
    std::string said;
    while (true) {
        const auto busy = daemon.busy_with(); // the manager may be gone already
        if (busy != said && !busy.empty()) {
            env.log().warning("waiting for an orderly end: " + busy);
            sd_notifyf(0, "STATUS=waiting: %s", busy.c_str());
        }
        said = busy;
        co_await env.clock().sleep(std::chrono::seconds(1));
    }
}

// Tells systemd when the daemon can tell nobody else: /mars is read-only, or dead.
env::task<void> report_trouble(env::Env& env, daemon::Daemon& daemon) {
    for (std::string said;;) {
        const auto trouble = daemon.trouble();
        if (trouble != said) {
            if (trouble.empty())
                env.log().info("/mars can be written again");
            else
                env.log().error(trouble + "; next: look at the filesystem below /mars (mount, df, df -i, dmesg)");
            sd_notifyf(0, "STATUS=%s", trouble.empty() ? "serving" : trouble.c_str());
        }
        said = trouble;
        co_await env.clock().sleep(std::chrono::seconds(2));
    }
}

// On each SIGUSR1.
void log_counters_on(boost::asio::signal_set& signals, const daemon::Daemon& daemon) {
    signals.async_wait([&](const boost::system::error_code& error, int) {
        if (error) return;
        daemon.log_counters();
        log_counters_on(signals, daemon);
    });
}

// Tells systemd's watchdog (WatchdogSec=) that the event loop turns: a loop that hangs misses it, and is restarted.
env::task<void> feed_watchdog(env::Env& env) {
    std::uint64_t interval = 0;
    if (sd_watchdog_enabled(0, &interval) <= 0) co_return;
    while (true) {
        sd_notify(0, "WATCHDOG=1");
        co_await env.clock().sleep(std::chrono::microseconds(interval / 3));
    }
}

env::task<void> flush_log(env::Env& env) {
    while (true) {
        co_await env.clock().sleep(std::chrono::seconds(1));
        env.log().flush();
    }
}

// A port that somebody else has (another marsd that is still ending, a program that was quicker) is free some day.
env::task<result<void>> start_when_possible(env::RealEnv& env, daemon::Daemon& daemon,
                                            boost::asio::signal_set& signals) {
    using namespace boost::asio::experimental::awaitable_operators;
    constexpr auto kPause = std::chrono::seconds(2);
    std::string told;
    while (true) {
        auto started = co_await daemon.start();
        if (started || !started.error().is(std::errc::address_in_use)) co_return started;
        const auto text = started.error().text;
        if (text != told) env.log().error(text + "; trying again until it is free");
        told = text;
        sd_notifyf(0, "STATUS=waiting: %s\nEXTEND_TIMEOUT_USEC=30000000", text.c_str());
        const auto ended = co_await (env.clock().sleep(kPause) || signals.async_wait(boost::asio::use_awaitable));
        if (ended.index() == 1) co_return failure(std::errc::operation_canceled, "ended while waiting: " + text);
    }
}

env::task<void> serve(env::RealEnv& env, const daemon::Arguments& arguments, int& status) {
    exports::HostProvider provider(env, arguments.run_directory);
    daemon::Daemon daemon(env, arguments.root, provider, arguments.tunables);
    boost::asio::signal_set signals(env.context(), SIGTERM, SIGINT);
    boost::asio::signal_set counter_signals(env.context(),
                                            SIGUSR1); // also while starting and ending: else it would kill
    log_counters_on(counter_signals, daemon);
    env::TaskGroup helpers(env);
    helpers.spawn("watchdog", feed_watchdog(env));
    helpers.spawn("log", flush_log(env));
    co_await provider.clean();
    auto started = co_await start_when_possible(env, daemon, signals);
    if (!started && started.error().is(std::errc::operation_canceled)) { // as it was told
        env.log().info(started.error().text);
        co_await helpers.stop();
        co_return;
    }
    if (!started) {
        env.log().error(started.error().text);
        sd_notifyf(0, "STATUS=%s\nERRNO=%d", started.error().text.c_str(), started.error().code.value());
        status = 1;
        co_await helpers.stop();
        co_return;
    }
    env.log().info("marsd serves " + arguments.root + " on " + env.hostname());
    sd_notify(0, "READY=1\nSTATUS=serving");
    helpers.spawn("trouble", report_trouble(env, daemon));
    (void)co_await signals.async_wait(boost::asio::use_awaitable);
    sd_notify(0, "STOPPING=1\nSTATUS=ending");
    helpers.spawn("report", report_waiting(env, daemon));
    co_await daemon.stop();
    co_await helpers.stop();
    env.log().info("marsd ends");
}

} // namespace

int main(int argc, char** argv) {
    env::fill_standard_descriptors();
    auto arguments = daemon::parse_arguments(argc, argv);
    if (!arguments) {
        std::fprintf(stderr, "marsd: %s\n", arguments.error().text.c_str());
        return 2;
    }
    if (!arguments->print.empty()) {
        std::fputs(arguments->print.c_str(), stdout);
        return 0;
    }
    std::signal(SIGPIPE, SIG_IGN);
    const auto notes = exports::harden_process(); // before there are threads
    boost::asio::io_context context(1);
    env::RealEnv env(context, arguments->log_level);
    for (const auto& note : notes) env.log().info(note);
    if (!env.io_note().empty()) env.log().info("files without io_uring: " + env.io_note());
    env::HandlerWatch::watch_handlers(std::chrono::milliseconds(50)); // debug builds only
    int status = 0;
    auto ended = [&](const std::exception_ptr& error) {
        if (!error) return;
        try {
            std::rethrow_exception(error);
        } catch (const std::exception& e) {
            panic(std::string("marsd: ") + e.what());
        }
    };
    boost::asio::co_spawn(context, serve(env, *arguments, status), ended);
    context.run();
    return status;
}
