// SPDX-License-Identifier: GPL-2.0-or-later
#include "lua/machine.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <cstdlib>
#include <cstring>
#include <new>

#include "lua/coroutines.hpp"
#include "shell/local/trust.hpp"
#include "shell/words/reason.hpp"

namespace mars::lua {

namespace {

constexpr const char* kBox = "mars.operation";

constexpr std::string_view kGuard = R"lua(
local distrust = ...
local package, getenv, gsub, sub, match, searchpath =
  package, os.getenv, string.gsub, string.sub, string.match, package.searchpath
local function without_here(path)
  path = gsub(";" .. path, ";%./[^;]*", "")
  return sub(path, 2)
end
if not (getenv("LUA_PATH") or getenv("LUA_PATH_5_4")) then package.path = without_here(package.path) end
if not (getenv("LUA_CPATH") or getenv("LUA_CPATH_5_4")) then package.cpath = without_here(package.cpath) end
local function guard(number, field, name_of)
  local search = package.searchers[number]
  package.searchers[number] = function(name)
    local file = searchpath(name_of(name), package[field])
    local why = file and distrust(file)
    if why then return "file '" .. file .. "' is not used: " .. why end
    return search(name)
  end
end
guard(2, "path", function(name) return name end)
guard(3, "cpath", function(name) return name end)
guard(4, "cpath", function(name) return match(name, "^[^.]*") end)
)lua";

using Box = std::shared_ptr<Operation>;

int collect_box(lua_State* L) {
    static_cast<Box*>(lua_touserdata(L, 1))->~Box();
    return 0;
}

// The continuation of suspend(): the box is where it was left.
int finish(lua_State* L, int, lua_KContext at) {
    Box box = *static_cast<Box*>(lua_touserdata(L, static_cast<int>(at)));
    if (!box->is_done) return luaL_error(L, "resumed while it waits");
    return box->push(L);
}

} // namespace

struct MachineFunctions {
    static void* allocate(void* user, void* block, std::size_t old_size, std::size_t new_size) {
        auto& machine = *static_cast<Machine*>(user);
        if (!block) old_size = 0; // a type tag then
        if (new_size == 0) {
            std::free(block);
            machine.used_ -= old_size;
            return nullptr;
        }
        const bool limited = machine.running_ > 0 && new_size > old_size;
        if (limited && machine.used_ + new_size - old_size > machine.limits_.memory_bytes) return nullptr;
        void* moved = std::realloc(block, new_size);
        if (moved) machine.used_ += new_size - old_size;
        return moved;
    }

    // Every `slice` instructions.
    static void give_way(lua_State* L, lua_Debug*) {
        auto& machine = Machine::of(L);
        if (lua_isyieldable(L)) {
            machine.pause_.slice = true;
            if (must_end(machine)) machine.pause_.exit = true;
            lua_yield(L, 0);
            return;
        }
        auto spent = machine.env_.clock().steady() - machine.unbroken_since_;
        if (spent > machine.limits_.unbroken) luaL_error(L, "took too long where it cannot be interrupted");
    }

    static bool must_end(Machine& machine) {
        if (!machine.must_end_ || !machine.must_end_()) return false;
        machine.exit_status_ = machine.end_status_;
        return true;
    }

    static int exit(lua_State* L) {
        int status = 0;
        if (lua_isboolean(L, 1))
            status = lua_toboolean(L, 1) ? 0 : 1;
        else
            status = static_cast<int>(luaL_optinteger(L, 1, 0));
        auto& machine = Machine::of(L);
        machine.exit_status_ = status & 0xff;
        if (!lua_isyieldable(L)) return luaL_error(L, "os.exit is not possible here");
        machine.pause_.exit = true;
        return lua_yield(L, 0);
    }

    // Is this file of a module trusted? Else the reason.
    static int distrust(lua_State* L) {
        const std::string path = luaL_checkstring(L, 1);
        const auto why = shell::distrust(path);
        if (why)
            lua_pushlstring(L, why->text.data(), why->text.size());
        else
            lua_pushnil(L);
        return 1;
    }

    // Modules are found by search: the working directory is not searched unless $LUA_PATH says so, and files that
    // others could have changed are left out.
    static void guard_require(lua_State* L) {
        if (luaL_loadbufferx(L, kGuard.data(), kGuard.size(), "=require", "t") != LUA_OK) lua_error(L);
        lua_pushcfunction(L, distrust);
        lua_call(L, 1, 0);
    }

    static int open(lua_State* L) {
        luaL_openlibs(L);
        guard_require(L);
        luaL_newmetatable(L, kBox);
        lua_pushcfunction(L, collect_box);
        lua_setfield(L, -2, "__gc");
        lua_pop(L, 1);
        lua_getglobal(L, "coroutine");
        open_coroutines(L);
        lua_getglobal(L, "os");
        lua_pushcfunction(L, exit);
        lua_setfield(L, -2, "exit");
        return 0;
    }

    static bool is_paused(Machine& machine) { return machine.pause_.any(); }
    static void forget_pause(Machine& machine) { machine.pause_ = {}; }
};

bool is_paused(lua_State* L) {
    return MachineFunctions::is_paused(Machine::of(L));
}

void forget_pause(lua_State* L) {
    MachineFunctions::forget_pause(Machine::of(L));
}

Machine::Machine(env::Env& env, MachineLimits limits) : env_(env), limits_(limits) {
    main_ = lua_newstate(MachineFunctions::allocate, this);
    if (!main_) throw std::bad_alloc();
    *static_cast<Machine**>(lua_getextraspace(main_)) = this;
    if (auto opened = protect(MachineFunctions::open, nullptr); !opened) panic("opening Lua: " + opened.error().text);
    lua_sethook(main_, MachineFunctions::give_way, LUA_MASKCOUNT, limits_.slice);
}

Machine::~Machine() {
    lua_close(main_);
}

Machine& Machine::of(lua_State* L) {
    return **static_cast<Machine**>(lua_getextraspace(L));
}

result<void> Machine::protect(lua_CFunction function, void* argument) {
    lua_pushcfunction(main_, function);
    lua_pushlightuserdata(main_, argument);
    unbroken_since_ = env_.clock().steady();
    ++running_;
    int status = lua_pcall(main_, 1, 0, 0);
    --running_;
    if (status == LUA_OK) return {};
    return error_of(main_, status);
}

namespace {

int to_text(lua_State* L) {
    luaL_tolstring(L, 1, nullptr);
    return 1;
}

} // namespace

failure Machine::error_of(lua_State* L, int code) {
    std::string text = "an error without text";
    if (code == LUA_ERRMEM) {
        text = "not enough memory: the limit is " + std::to_string(limits_.memory_bytes >> 20) + " MiB";
    } else {
        lua_pushvalue(L, -1);
        if (L != main_) lua_xmove(L, main_, 1);
        lua_pushcfunction(main_, to_text);
        lua_insert(main_, -2);
        if (lua_pcall(main_, 1, 1, 0) == LUA_OK) text = lua_tostring(main_, -1);
        lua_pop(main_, 1);
    }
    lua_pop(L, 1);
    luaL_traceback(main_, L, nullptr, 0);
    std::string trace = lua_tostring(main_, -1);
    lua_pop(main_, 1);
    if (trace.find('\n') != std::string::npos) text += "\n" + trace;
    return shell::refusal("lua.error", std::move(text));
}

int go_on(lua_State* L) {
    auto& machine = Machine::of(L);
    if (!MachineFunctions::must_end(machine) || !lua_isyieldable(L)) return 0;
    machine.pause_.exit = true;
    return lua_yield(L, 0);
}

int suspend(lua_State* L, std::shared_ptr<Operation> operation) {
    if (!lua_isyieldable(L)) return luaL_error(L, "it is not possible to wait here");
    auto* place = lua_newuserdatauv(L, sizeof(Box), 0);
    auto* box = new (place) Box(std::move(operation));
    luaL_setmetatable(L, kBox);
    Machine::of(L).pause_.operation = *box;
    return lua_yieldk(L, 0, lua_gettop(L), finish);
}

Thread::Thread(Machine& machine) : machine_(machine), state_(lua_newthread(machine.main_)) {
    anchor_ = luaL_ref(machine.main_, LUA_REGISTRYINDEX);
}

Thread::~Thread() {
    lua_resetthread(state_);
    luaL_unref(machine_.main_, LUA_REGISTRYINDEX, anchor_);
}

env::task<result<int>> Thread::run(int arguments) {
    while (true) {
        int count = 0;
        machine_.unbroken_since_ = machine_.env_.clock().steady();
        machine_.pause_ = {};
        ++machine_.running_;
        int status = lua_resume(state_, nullptr, arguments, &count);
        --machine_.running_;
        auto pause = std::exchange(machine_.pause_, {});
        if (status == LUA_OK) co_return count;
        if (status != LUA_YIELD) co_return machine_.error_of(state_, status);
        lua_pop(state_, count);
        arguments = 0;
        if (pause.exit) co_return shell::refusal("lua.error", "os.exit was called");
        if (pause.operation) {
            co_await pause.operation->run();
            // A sleep that was cut short returns like one that is over.
            auto state = co_await env::asio::this_coro::cancellation_state;
            if (state.cancelled() != env::asio::cancellation_type::none)
                throw boost::system::system_error(env::asio::error::operation_aborted);
            pause.operation->is_done = true;
        } else if (pause.slice) {
            co_await env::asio::post(machine_.env_.get_executor(), env::asio::use_awaitable);
        } else {
            co_return shell::refusal("lua.error", "coroutine.yield outside of a coroutine");
        }
    }
}

result<int> Thread::call(int arguments) {
    const int base = lua_gettop(state_) - arguments - 1;
    auto since = std::exchange(machine_.unbroken_since_, machine_.env_.clock().steady());
    ++machine_.running_;
    int status = lua_pcall(state_, arguments, LUA_MULTRET, 0);
    --machine_.running_;
    machine_.unbroken_since_ = since;
    if (status != LUA_OK) return machine_.error_of(state_, status);
    return lua_gettop(state_) - base;
}

Reference::Reference(lua_State* L) : machine_(&Machine::of(L)), index_(luaL_ref(L, LUA_REGISTRYINDEX)) {}

Reference::Reference(Reference&& other) noexcept
    : machine_(std::exchange(other.machine_, nullptr)), index_(other.index_) {}

Reference& Reference::operator=(Reference&& other) noexcept {
    std::swap(machine_, other.machine_);
    std::swap(index_, other.index_);
    return *this;
}

Reference::~Reference() {
    if (machine_) luaL_unref(machine_->main(), LUA_REGISTRYINDEX, index_);
}

void Reference::push(lua_State* L) const {
    lua_rawgeti(L, LUA_REGISTRYINDEX, index_);
}

} // namespace mars::lua
