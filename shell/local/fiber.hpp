// SPDX-License-Identifier: GPL-2.0-or-later
// Fiber: runs an ordinary function on a machine stack of its own, so that it can pause in the middle while the
// coroutine that drives it waits (macros that sleep). The stack is also larger than the thread's: deep recursion has
// room.
// One thread. A fiber that goes away while it pauses unwinds its stack first: pause() throws something that no handler
// for std::exception sees. Tests: tests/unit/shell/fiber_test.cpp.
#pragma once

#include <ucontext.h>

#include <cstddef>
#include <exception>
#include <functional>

namespace mars::shell {

class Fiber {
  public:
    static constexpr std::size_t kStackBytes = std::size_t{64} << 20; // of address space; memory only as it is used

    // Throws std::system_error when there is no room for the stack.
    explicit Fiber(std::function<void()> body);
    ~Fiber();
    Fiber(const Fiber&) = delete;
    Fiber& operator=(const Fiber&) = delete;

    // Runs the body until it pauses or ends. An exception of the body comes out here.
    void resume();
    bool is_done() const { return done_; }
    // To be called by the body: goes back to who has resumed it; returns when resumed again.
    void pause();

  private:
    struct Unwind {};
    static void enter(unsigned high, unsigned low);
    void run();
    void switch_in();

    std::function<void()> body_;
    void* stack_ = nullptr;
    ucontext_t inside_{}, outside_{};
    std::exception_ptr thrown_;
    bool begun_ = false, done_ = false, unwinding_ = false;
    // For AddressSanitizer, which must know of every change of stacks.
    void* fake_inside_ = nullptr;
    void* fake_outside_ = nullptr;
    const void* caller_stack_ = nullptr;
    std::size_t caller_stack_bytes_ = 0;
};

} // namespace mars::shell
