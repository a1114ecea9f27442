// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/local/unheard.hpp"

#include <sys/time.h>

#include <csignal>

namespace mars::shell {

namespace {

constexpr int kMostInterrupts = 2;
constexpr itimerval kPatience{{}, {.tv_sec = 3, .tv_usec = 0}}; // of computing: who waits for a disk does not spend it
constexpr itimerval kNever{};
constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};

using Handler = void (*)(int);
Handler loop_handlers[NSIG] = {}; // what tells the event loop
volatile std::sig_atomic_t interrupts = 0;
volatile std::sig_atomic_t last = 0;
volatile std::sig_atomic_t is_protected = 0;

// As if nobody handled it.
void end_by(int number) {
    std::signal(number, SIG_DFL);
    std::raise(number);
}

void on_signal(int number) {
    if (is_protected == 0) {
        if (number == SIGINT && interrupts >= kMostInterrupts) return end_by(number);
        if (number == SIGINT) interrupts = interrupts + 1;
        last = number;
        ::setitimer(ITIMER_VIRTUAL, &kPatience, nullptr);
    }
    loop_handlers[number](number);
}

void on_end_of_patience(int) {
    if (is_protected == 0 && last != 0) end_by(last);
}

} // namespace

void watch_for_unheard_signals() {
    struct sigaction patience {};
    patience.sa_handler = on_end_of_patience;
    ::sigaction(SIGVTALRM, &patience, nullptr);
    for (const int number : kSignals) {
        struct sigaction action {};
        const bool is_known = ::sigaction(number, nullptr, &action) == 0 && (action.sa_flags & SA_SIGINFO) == 0;
        if (!is_known || action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN) continue;
        loop_handlers[number] = action.sa_handler;
        action.sa_handler = on_signal;
        ::sigaction(number, &action, nullptr);
    }
}

void signals_were_heard() {
    ::setitimer(ITIMER_VIRTUAL, &kNever, nullptr);
    interrupts = 0;
    last = 0;
}

void protect_from_unheard_signals(bool on) {
    is_protected = on ? 1 : 0;
}

} // namespace mars::shell
