// SPDX-License-Identifier: GPL-2.0-or-later
#include "lua/show.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "lua/values.hpp"

namespace mars::lua {

namespace {

constexpr int kDeepestShown = 3;

std::string show_value(lua_State* L, int index, int depth);

std::string show_table(lua_State* L, int index, int depth) {
    if (luaL_getmetafield(L, index, "__tostring") != LUA_TNIL) {
        lua_pop(L, 1);
        std::string text = luaL_tolstring(L, index, nullptr);
        lua_pop(L, 1);
        return text;
    }
    if (depth >= kDeepestShown || !lua_checkstack(L, 8)) return "{...}";
    std::vector<std::pair<std::string, std::string>> fields;
    std::vector<std::string> list;
    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        auto value = show_value(L, lua_gettop(L), depth + 1);
        bool is_next = lua_isinteger(L, -2) && lua_tointeger(L, -2) == static_cast<lua_Integer>(list.size()) + 1;
        if (is_next)
            list.push_back(value);
        else if (lua_type(L, -2) == LUA_TSTRING)
            fields.emplace_back(lua_tostring(L, -2), value);
        else
            fields.emplace_back("[" + show_value(L, lua_gettop(L) - 1, depth + 1) + "]", value);
        lua_pop(L, 1);
    }
    std::sort(fields.begin(), fields.end());
    std::string text;
    for (const auto& value : list) text += (text.empty() ? "" : ", ") + value;
    for (const auto& [name, value] : fields) text += (text.empty() ? "" : ", ") + name + " = " + value;
    return "{" + text + "}";
}

std::string show_value(lua_State* L, int index, int depth) {
    if (lua_istable(L, index)) return show_table(L, index, depth);
    std::string text = luaL_tolstring(L, index, nullptr);
    lua_pop(L, 1);
    return depth > 0 && lua_type(L, index) == LUA_TSTRING ? "\"" + text + "\"" : text;
}

} // namespace

std::string show_values(lua_State* L, int count) {
    std::string text;
    const int top = lua_gettop(L);
    for (int i = top - count + 1; i <= top; ++i) text += (text.empty() ? "" : "\t") + show_value(L, i, 0);
    return text;
}

} // namespace mars::lua
