// SPDX-License-Identifier: GPL-2.0-or-later
// Show: values of Lua as people read them: tables with their fields, sorted, three levels deep.
#pragma once

#include <lua.hpp>

#include <string>

namespace mars::lua {

// The topmost `count` values, separated by tabs.
std::string show_values(lua_State* L, int count);

} // namespace mars::lua
