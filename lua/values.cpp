// SPDX-License-Identifier: GPL-2.0-or-later
#include "lua/values.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

#include "shell/words/reason.hpp"

namespace mars::lua {

using Json = nlohmann::ordered_json;

void push(lua_State* L, std::string_view text) {
    lua_pushlstring(L, text.data(), text.size());
}

void push(lua_State* L, const std::vector<std::string>& list) {
    lua_createtable(L, static_cast<int>(list.size()), 0);
    for (std::size_t i = 0; i < list.size(); ++i) {
        push(L, list[i]);
        lua_rawseti(L, -2, static_cast<lua_Integer>(i + 1));
    }
}

void set_field(lua_State* L, const char* name, std::string_view text) {
    push(L, text);
    lua_setfield(L, -2, name);
}

void set_field(lua_State* L, const char* name, lua_Integer number) {
    lua_pushinteger(L, number);
    lua_setfield(L, -2, name);
}

int push_failure(lua_State* L, std::string_view text, std::string_view reason) {
    lua_pushnil(L);
    push(L, text);
    push(L, reason);
    return 3;
}

int push_failure(lua_State* L, const failure& why) {
    return push_failure(L, why.text, shell::reason_of(why).name);
}

std::string check_text(lua_State* L, int index) {
    std::size_t size = 0;
    const char* text = luaL_checklstring(L, index, &size);
    return {text, size};
}

std::string optional_text(lua_State* L, int index) {
    return lua_isnoneornil(L, index) ? std::string() : check_text(L, index);
}

std::vector<std::string> check_list(lua_State* L, int index) {
    luaL_checktype(L, index, LUA_TTABLE);
    std::vector<std::string> list;
    auto count = luaL_len(L, index);
    for (lua_Integer i = 1; i <= count; ++i) {
        lua_geti(L, index, i);
        if (!lua_isstring(L, -1)) luaL_argerror(L, index, "a list of strings was expected");
        list.push_back(check_text(L, -1));
        lua_pop(L, 1);
    }
    return list;
}

bool get_field(lua_State* L, int index, const char* name) {
    if (!lua_istable(L, index)) return false;
    lua_getfield(L, index, name);
    if (!lua_isnil(L, -1)) return true;
    lua_pop(L, 1);
    return false;
}

namespace {

constexpr int kDeepestJson = 100;

Json to_value(lua_State* L, int index, int depth);

Json table_value(lua_State* L, int index, int depth) {
    if (depth > kDeepestJson || !lua_checkstack(L, 8)) luaL_error(L, "too many tables in tables for JSON");
    auto count = luaL_len(L, index);
    if (count > 0) {
        Json list = Json::array();
        for (lua_Integer i = 1; i <= count; ++i) {
            lua_geti(L, index, i);
            list.push_back(to_value(L, lua_gettop(L), depth + 1));
            lua_pop(L, 1);
        }
        return list;
    }
    std::vector<std::pair<std::string, Json>> members;
    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        lua_pushvalue(L, -2); // a conversion in place would confuse lua_next
        auto key = check_text(L, -1);
        lua_pop(L, 1);
        members.emplace_back(std::move(key), to_value(L, lua_gettop(L), depth + 1));
        lua_pop(L, 1);
    }
    std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    Json object = Json::object();
    for (auto& [key, value] : members) object[key] = std::move(value);
    return object;
}

Json to_value(lua_State* L, int index, int depth) {
    switch (lua_type(L, index)) {
    case LUA_TNIL:
        return nullptr;
    case LUA_TBOOLEAN:
        return lua_toboolean(L, index) != 0;
    case LUA_TNUMBER:
        if (lua_isinteger(L, index)) return static_cast<std::int64_t>(lua_tointeger(L, index));
        return lua_tonumber(L, index);
    case LUA_TSTRING:
        return check_text(L, index);
    case LUA_TTABLE:
        return table_value(L, index, depth);
    default:
        luaL_error(L, "a %s cannot become JSON", luaL_typename(L, index));
        return nullptr;
    }
}

void push_value(lua_State* L, const Json& value) {
    luaL_checkstack(L, 8, "JSON is nested too deeply");
    if (value.is_null()) {
        lua_pushnil(L);
    } else if (value.is_boolean()) {
        lua_pushboolean(L, value.get<bool>());
    } else if (value.is_number_integer()) {
        lua_pushinteger(L, value.get<std::int64_t>());
    } else if (value.is_number()) {
        lua_pushnumber(L, value.get<double>());
    } else if (value.is_string()) {
        push(L, value.get_ref<const std::string&>());
    } else if (value.is_array()) {
        lua_createtable(L, static_cast<int>(value.size()), 0);
        lua_Integer i = 0;
        for (const auto& element : value) {
            push_value(L, element);
            lua_rawseti(L, -2, ++i);
        }
    } else {
        lua_newtable(L);
        for (const auto& [key, element] : value.items()) {
            push(L, key);
            push_value(L, element);
            lua_rawset(L, -3);
        }
    }
}

} // namespace

std::string to_json(lua_State* L, int index) {
    auto value = to_value(L, lua_absindex(L, index), 0);
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

result<void> push_json(lua_State* L, std::string_view text) {
    auto value = Json::parse(text, nullptr, false);
    if (value.is_discarded()) return shell::refusal("usage.arg", "the text is no JSON");
    push_value(L, value);
    return {};
}

std::string dashed(std::string_view name) {
    std::string text(name);
    std::replace(text.begin(), text.end(), '_', '-');
    return text;
}

std::string underscored(std::string_view name) {
    std::string text(name);
    std::replace(text.begin(), text.end(), '-', '_');
    return text;
}

} // namespace mars::lua
