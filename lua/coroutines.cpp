// SPDX-License-Identifier: GPL-2.0-or-later
#include "lua/coroutines.hpp"

namespace mars::lua {

namespace {

enum Kind : lua_KContext { kResume, kWrap };

int step(lua_State* L, lua_KContext kind, int arguments);

int again(lua_State* L, int, lua_KContext kind) {
    return step(L, kind, 0);
}

int fail(lua_State* L, lua_State* inner, lua_KContext kind) {
    lua_xmove(inner, L, 1); // the error
    if (kind == kResume) {
        lua_pushboolean(L, 0);
        lua_insert(L, -2);
        return 2;
    }
    lua_resetthread(inner); // closes its variables
    if (lua_type(L, -1) == LUA_TSTRING) {
        luaL_where(L, 1);
        lua_insert(L, -2);
        lua_concat(L, 2);
    }
    return lua_error(L);
}

// The stack of L: the inner coroutine, and nothing else. `arguments` of them are on the inner stack already.
int step(lua_State* L, lua_KContext kind, int arguments) {
    lua_State* inner = lua_tothread(L, 1);
    int count = 0;
    int status = lua_resume(inner, L, arguments, &count);
    if (status == LUA_YIELD && is_paused(L)) {
        lua_settop(L, 1);
        if (lua_isyieldable(L)) return lua_yieldk(L, 0, kind, again);
        forget_pause(L);
        return luaL_error(L, "it is not possible to wait here");
    }
    if (status != LUA_OK && status != LUA_YIELD) return fail(L, inner, kind);
    if (!lua_checkstack(L, count + 1)) {
        lua_pop(inner, count);
        return luaL_error(L, "too many results to resume");
    }
    if (kind == kResume) lua_pushboolean(L, 1);
    lua_xmove(inner, L, count);
    return kind == kResume ? count + 1 : count;
}

int begin(lua_State* L, lua_KContext kind) {
    lua_State* inner = lua_tothread(L, 1);
    luaL_argexpected(L, inner, 1, "coroutine");
    int arguments = lua_gettop(L) - 1;
    if (!lua_checkstack(inner, arguments)) {
        lua_pushboolean(L, 0);
        lua_pushliteral(L, "too many arguments to resume");
        return 2;
    }
    lua_xmove(L, inner, arguments);
    return step(L, kind, arguments);
}

int resume(lua_State* L) {
    return begin(L, kResume);
}

int call_wrapped(lua_State* L) {
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    return begin(L, kWrap);
}

int wrap(lua_State* L) {
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_State* inner = lua_newthread(L);
    lua_pushvalue(L, 1);
    lua_xmove(L, inner, 1);
    lua_pushcclosure(L, call_wrapped, 1);
    return 1;
}

} // namespace

void open_coroutines(lua_State* L) {
    lua_pushcfunction(L, resume);
    lua_setfield(L, -2, "resume");
    lua_pushcfunction(L, wrap);
    lua_setfield(L, -2, "wrap");
}

} // namespace mars::lua
