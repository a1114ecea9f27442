// SPDX-License-Identifier: GPL-2.0-or-later
// Machine: one Lua state whose functions may suspend like any coroutine of ours. A Lua function that has to wait hands
// an Operation to suspend(); the Thread that runs it awaits the operation and resumes Lua then, while other Threads of
// the same Machine go on. That also works inside Lua's own coroutines (coroutine.resume and wrap pass the wait on), but
// not inside callbacks of string.gsub, table.sort and metamethods of C functions, where Lua forbids it.
//
// Guards: memory is limited while Lua runs; a busy program gives way to others every `slice` instructions and can be
// cancelled there. Where it cannot give way it is stopped after `unbroken`. os.exit() ends the Thread in order.
// Runs on: the executor of its Env. Tests: tests/unit/lua/machine_test.cpp.
#pragma once

#include <lua.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "kernel/base/result.hpp"
#include "kernel/base/stamp.hpp"
#include "kernel/env/env.hpp"

namespace mars::lua {

struct MachineLimits {
    std::size_t memory_bytes = std::size_t{512} << 20;
    int slice = 100'000; // instructions
    Duration unbroken = std::chrono::seconds(10);
};

// What a suspended Lua function waits for.
class Operation {
  public:
    virtual ~Operation() = default;
    // Awaited outside of Lua. Throws only when cancelled.
    virtual env::task<void> run() = 0;
    // Afterwards, inside Lua: pushes the results and returns their number; may raise Lua errors.
    virtual int push(lua_State* L) = 0;

    bool is_done = false; // run() has ended
};

class Machine {
  public:
    // The standard libraries are open; coroutine.resume, coroutine.wrap and os.exit are ours.
    explicit Machine(env::Env& env, MachineLimits limits = {});
    ~Machine();
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    static Machine& of(lua_State* L);
    // The main thread of the state. Nothing but protect() runs on it.
    lua_State* main() const { return main_; }
    env::Env& env() const { return env_; }
    std::size_t used_bytes() const { return used_; }
    // The status given to os.exit(), once somebody has called it.
    std::optional<int> exit_status() const { return exit_status_; }
    // Asked now and then while a program runs, and by print: true ends the program as os.exit(status) does.
    void end_when(std::function<bool()> condition, int status) {
        must_end_ = std::move(condition);
        end_status_ = status;
    }
    // What the functions of an API need to find; set by their owner.
    void* user = nullptr;

    // Calls `function` on the main thread with no arguments; Lua errors become failures (lua.error).
    result<void> protect(lua_CFunction function, void* argument);
    // The failure for the error value on top of `L`, with traceback. `code` as given by Lua.
    failure error_of(lua_State* L, int code);

  private:
    friend class Thread;
    friend int go_on(lua_State* L);
    friend int suspend(lua_State* L, std::shared_ptr<Operation> operation);
    friend struct MachineFunctions;

    // Why the innermost lua_resume has returned LUA_YIELD, besides coroutine.yield.
    struct Pause {
        std::shared_ptr<Operation> operation;
        bool slice = false;
        bool exit = false;
        bool any() const { return operation || slice || exit; }
    };

    env::Env& env_;
    MachineLimits limits_;
    std::size_t used_ = 0;
    int running_ = 0; // nested calls into Lua: limits hold only inside
    lua_State* main_ = nullptr;
    Pause pause_;
    Duration unbroken_since_{};
    std::optional<int> exit_status_;
    std::function<bool()> must_end_;
    int end_status_ = 0;
};

// To be returned by a Lua C function: `return suspend(L, operation)`. The results of the function are the operation's.
int suspend(lua_State* L, std::shared_ptr<Operation> operation);

// To be returned by a Lua C function that may be the last one: `return go_on(L)`; see Machine::end_when.
int go_on(lua_State* L);

// A Lua thread, kept from the garbage collector while this lives.
class Thread {
  public:
    explicit Thread(Machine& machine);
    ~Thread();
    Thread(const Thread&) = delete;
    Thread& operator=(const Thread&) = delete;

    lua_State* L() const { return state_; }
    // Calls the function below `arguments` values on the stack and awaits what it waits for. Returns how many results
    // are on the stack. Failures: lua.error. Cancelling the caller interrupts the wait; the thread cannot go on then.
    env::task<result<int>> run(int arguments);
    // The same at once: the function cannot wait.
    result<int> call(int arguments);

  private:
    Machine& machine_;
    lua_State* state_;
    int anchor_;
};

// A value in the registry, released with its owner.
class Reference {
  public:
    Reference() = default;
    // Pops the value on top of `L`.
    explicit Reference(lua_State* L);
    Reference(Reference&& other) noexcept;
    Reference& operator=(Reference&& other) noexcept;
    ~Reference();
    void push(lua_State* L) const;
    explicit operator bool() const { return machine_ != nullptr; }

  private:
    Machine* machine_ = nullptr;
    int index_ = 0;
};

} // namespace mars::lua
