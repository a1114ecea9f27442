// SPDX-License-Identifier: GPL-2.0-or-later
// Values between C++ and Lua. A recoverable failure is `nil, message, code` in Lua, misuse raises an error.
#pragma once

#include <lua.hpp>

#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/result.hpp"

namespace mars::lua {

void push(lua_State* L, std::string_view text);
void push(lua_State* L, const std::vector<std::string>& list);
// table[name] = value, for the table on top of the stack.
void set_field(lua_State* L, const char* name, std::string_view text);
void set_field(lua_State* L, const char* name, lua_Integer number);

// nil, text, reason. Returns 3.
int push_failure(lua_State* L, const failure& why);
int push_failure(lua_State* L, std::string_view text, std::string_view reason);

// The string or number at `index`; raises for others.
std::string check_text(lua_State* L, int index);
std::string optional_text(lua_State* L, int index);
// A list of strings or numbers.
std::vector<std::string> check_list(lua_State* L, int index);
// Field `name` of the table at `index`, pushed; false (and nothing pushed) when there is no table or field.
bool get_field(lua_State* L, int index, const char* name);

// JSON text of the value at `index`: tables with 1, 2, ... as keys become arrays. Raises for functions and cycles.
std::string to_json(lua_State* L, int index);
// Pushes the value of a JSON text. Failure: usage.arg.
result<void> push_json(lua_State* L, std::string_view text);

// "join_resource" ↔ "join-resource".
std::string dashed(std::string_view name);
std::string underscored(std::string_view name);

} // namespace mars::lua
