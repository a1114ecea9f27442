// SPDX-License-Identifier: GPL-2.0-or-later
#include "lua/api.hpp"

#include "kernel/base/roff.hpp"
#include "lua/interpreter.hpp"
#include "lua/values.hpp"
#include "shell/words/suggest.hpp"

namespace mars::lua {

std::vector<const ApiFunction*> api_functions() {
    std::vector<const ApiFunction*> all;
    for (auto rows : {verb_functions(), tree_functions(), task_functions(), system_functions()})
        for (const auto& row : rows) all.push_back(&row);
    return all;
}

namespace {

// print(...): to the output of the interpreter.
int print(lua_State* L) {
    std::string text;
    const int count = lua_gettop(L);
    for (int i = 1; i <= count; ++i) {
        std::size_t size = 0;
        const char* word = luaL_tolstring(L, i, &size);
        text += (i > 1 ? "\t" : "") + std::string(word, size);
        lua_pop(L, 1);
    }
    Interpreter::of(L).surroundings().output.answer(text);
    return go_on(L);
}

// Nothing, as for every table; but a slip of the pen is told here: where it is called it would be an unknown nil.
int missing_field(lua_State* L, shell::VerbRegistry& registry, const std::string& name) {
    std::vector<std::string> names;
    for (const auto* row : api_functions()) names.emplace_back(row->name);
    for (const auto* verb : registry.all()) names.push_back(underscored(verb->name));
    const auto close = shell::did_you_mean(underscored(name), names);
    if (close.empty()) return 0;
    return luaL_error(L, "mars has no field '%s'%s", underscored(name).c_str(), close.c_str());
}

// mars.NAME for a NAME that is no function of the table: a verb, remembered.
int find_verb_function(lua_State* L) {
    if (lua_type(L, 2) != LUA_TSTRING) return 0;
    auto name = dashed(check_text(L, 2));
    auto& registry = Interpreter::of(L).surroundings().registry();
    if (!registry.find(name)) return missing_field(L, registry, name);
    push_verb(L, name);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -2);
    lua_rawset(L, 1);
    return 1;
}

} // namespace

int open_api(lua_State* L) {
    lua_newtable(L);
    for (const auto* row : api_functions()) {
        lua_pushcfunction(L, row->function);
        lua_setfield(L, -2, std::string(row->name).c_str());
    }
    lua_newtable(L);
    lua_pushcfunction(L, find_verb_function);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_setglobal(L, "mars");
    lua_pushcfunction(L, print);
    lua_setglobal(L, "print");
    return 0;
}

namespace {

std::string anchor_text(const ApiFunction& row) {
    std::string text = "### " + std::string(row.name) + "\n\n    " + std::string(row.usage) + "\n\n" +
                       std::string(row.doc) + (row.suspends ? " Suspends." : "") + "\n";
    if (!row.errors.empty()) text += "\nErrors: " + std::string(row.errors) + "\n";
    if (row.example.empty()) return text;
    text += "\n```lua\n" + std::string(row.example) + "\n```\n";
    if (!row.prints.empty()) text += "\nprints\n\n```\n" + std::string(row.prints) + "\n```\n";
    return text;
}

} // namespace

std::string api_reference() {
    std::string text;
    for (const auto* row : api_functions()) text += anchor_text(*row) + "\n";
    text.pop_back();
    return text;
}

std::string api_man_page() {
    std::string text = ".\\\" Made by: marsadm help-lua man. Do not edit.\n"
                       ".TH MARS-LUA 3 \"\" MARS \"MARS administration\"\n"
                       ".SH NAME\nmars-lua \\- the table mars in programs for marsadm lua\n"
                       ".SH SYNOPSIS\n.B marsadm lua\n\\fIFILE\\fR [\\fIARG\\fR...]\n.br\n.B marsadm -e\n\\fICODE\\fR\n"
                       ".SH DESCRIPTION\nPrograms in Lua 5.4 with every verb of marsadm as a function: the verb "
                       "join\\-resource is mars.join_resource. A failure is returned as nil, message, reason; misuse "
                       "raises an error.\n.SH FUNCTIONS\n";
    for (const auto* row : api_functions()) {
        text += ".SS " + roff(row->name) + "\n.B " + roff(row->usage) + "\n.PP\n" + roff(row->doc) +
                (row->suspends ? " Suspends." : "") + "\n";
        if (!row->errors.empty()) text += ".PP\nErrors: " + roff(row->errors) + "\n";
        if (!row->example.empty()) text += ".PP\n.nf\n.RS\n" + roff(row->example) + "\n.RE\n.fi\n";
    }
    return text + ".SH \"SEE ALSO\"\n.BR marsadm (8)\n";
}

} // namespace mars::lua
