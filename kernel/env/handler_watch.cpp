// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/env/handler_watch.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "kernel/base/result.hpp"

namespace mars::env {

namespace {

struct Times {
    std::chrono::nanoseconds real{}; // since the thread is watched
    std::chrono::nanoseconds ran{};  // on a processor
    std::chrono::nanoseconds late{}; // ready to run, and none was free
};

constexpr int kSlower = 4; // so much longer computing takes with sanitizers

thread_local std::chrono::nanoseconds limit{};
thread_local int schedule = -1;
thread_local Times begun;

// A kernel that does not tell: no time counts as late.
Times now() {
    Times times;
    times.real = std::chrono::steady_clock::now().time_since_epoch();
    char text[128];
    const auto length = ::pread(schedule, text, sizeof text - 1, 0);
    if (length <= 0) return times;
    text[length] = '\0';
    unsigned long long ran = 0;
    unsigned long long late = 0;
    if (std::sscanf(text, "%llu %llu", &ran, &late) != 2) return times;
    times.ran = std::chrono::nanoseconds(ran);
    times.late = std::chrono::nanoseconds(late);
    return times;
}

std::string in_ms(std::chrono::nanoseconds t) {
    return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(t).count()) + " ms";
}

} // namespace

thread_local bool HandlerWatch::is_armed_ = false;
thread_local int HandlerWatch::depth_ = 0;

void HandlerWatch::watch_handlers(std::chrono::milliseconds most) {
    limit = most;
    schedule = ::open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
    is_armed_ = true;
}

void HandlerWatch::begin() {
    begun = now();
}

void HandlerWatch::end() {
    const auto ended = now();
    const auto late = ended.late - begun.late;
    const auto ran = ended.ran - begun.ran;
    const auto took = ended.real - begun.real - late - ran + ran / kSlower;
    if (took < limit) return;
    panic("one handler of the event loop took " + in_ms(took) + " (" + in_ms(ran) + " on a processor), at most " +
          in_ms(limit) + " are allowed: what may be slow belongs on the pool");
}

} // namespace mars::env
