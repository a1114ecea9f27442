// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/local/fiber.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

namespace mars::shell {

namespace {

constexpr std::size_t kGuardBytes = 4096;

#ifdef __SANITIZE_ADDRESS__
void leave_stack(void** fake, const void* stack, std::size_t bytes) {
    __sanitizer_start_switch_fiber(fake, stack, bytes);
}
void arrive(void* fake, const void** stack, std::size_t* bytes) {
    __sanitizer_finish_switch_fiber(fake, stack, bytes);
}
#else
void leave_stack(void**, const void*, std::size_t) {}
void arrive(void*, const void**, std::size_t*) {}
#endif

} // namespace

Fiber::Fiber(std::function<void()> body) : body_(std::move(body)) {
    constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK;
    stack_ = ::mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, kFlags, -1, 0);
    if (stack_ == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "no room for a stack");
    if (::mprotect(stack_, kGuardBytes, PROT_NONE) != 0) {
        int error = errno;
        ::munmap(stack_, kStackBytes);
        throw std::system_error(error, std::generic_category(), "cannot guard a stack");
    }
}

Fiber::~Fiber() {
    unwinding_ = true; // a body that swallows the exception and pauses again gets it again
    while (begun_ && !done_) switch_in();
    ::munmap(stack_, kStackBytes);
}

void Fiber::resume() {
    if (!begun_) {
        begun_ = true;
        ::getcontext(&inside_);
        inside_.uc_stack.ss_sp = stack_;
        inside_.uc_stack.ss_size = kStackBytes;
        inside_.uc_link = nullptr;
        // makecontext only hands on ints.
        auto self = reinterpret_cast<std::uintptr_t>(this);
        ::makecontext(&inside_, reinterpret_cast<void (*)()>(&Fiber::enter), 2, static_cast<unsigned>(self >> 32),
                      static_cast<unsigned>(self));
    }
    switch_in();
    if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
}

void Fiber::switch_in() {
    leave_stack(&fake_outside_, stack_, kStackBytes);
    ::swapcontext(&outside_, &inside_);
    arrive(fake_outside_, nullptr, nullptr);
}

void Fiber::pause() {
    leave_stack(&fake_inside_, caller_stack_, caller_stack_bytes_);
    ::swapcontext(&inside_, &outside_);
    arrive(fake_inside_, &caller_stack_, &caller_stack_bytes_);
    if (unwinding_) throw Unwind();
}

void Fiber::enter(unsigned high, unsigned low) {
    auto self = (static_cast<std::uintptr_t>(high) << 32) | low;
    reinterpret_cast<Fiber*>(self)->run();
}

void Fiber::run() {
    arrive(nullptr, &caller_stack_, &caller_stack_bytes_);
    try {
        body_();
    } catch (const Unwind&) {
        // on purpose: nobody waits for the rest
    } catch (...) {
        thrown_ = std::current_exception();
    }
    done_ = true;
    leave_stack(nullptr, caller_stack_, caller_stack_bytes_); // for good
    ::swapcontext(&inside_, &outside_);
}

} // namespace mars::shell
