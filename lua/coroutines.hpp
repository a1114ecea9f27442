// SPDX-License-Identifier: GPL-2.0-or-later
// Lua's coroutine.resume and coroutine.wrap, able to pass a wait of the inner coroutine on to the Thread outside.
#pragma once

#include <lua.hpp>

namespace mars::lua {

// Replaces the two functions in the table on top of the stack.
void open_coroutines(lua_State* L);

// Has the innermost coroutine yielded because it waits (and not by coroutine.yield)? forget_pause: nobody can wait.
bool is_paused(lua_State* L);
void forget_pause(lua_State* L);

} // namespace mars::lua
