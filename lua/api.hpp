// SPDX-License-Identifier: GPL-2.0-or-later
// Api: the functions of the table `mars`. One row each; from the rows come the table itself, docs/lua.md, the man page
// mars-lua(3), completion, and a test that runs every example. Verbs are functions as well, made on first use from the
// registry of verbs: `mars.join_resource` or `mars["join-resource"]`.
#pragma once

#include <lua.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mars::lua {

struct ApiFunction {
    std::string_view name;  // in the table mars
    std::string_view usage; // "mars.wait(fn [, timeout]) → value"
    std::string_view doc;
    std::string_view errors;  // reasons that are returned as third value; what raises
    bool suspends;            // others run while it waits
    std::string_view example; // a program
    std::string_view prints;  // what it prints in a cluster of hosts a and b with the resource r, primary at b
    lua_CFunction function;
};

// The rows, one function per file.
std::span<const ApiFunction> verb_functions();
std::span<const ApiFunction> tree_functions();
std::span<const ApiFunction> task_functions();
std::span<const ApiFunction> system_functions();
// All of them.
std::vector<const ApiFunction*> api_functions();

// Sets the globals `mars` and `print` (whose output is the interpreter's). A lua_CFunction for Machine::protect.
int open_api(lua_State* L);
// Pushes the function that runs the verb `name` here.
void push_verb(lua_State* L, std::string_view name);

// docs/lua.md's reference, and mars-lua(3) in roff.
std::string api_reference();
std::string api_man_page();

} // namespace mars::lua
