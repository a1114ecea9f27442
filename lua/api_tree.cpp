// SPDX-License-Identifier: GPL-2.0-or-later
// Looking at the state: resources, hosts, values of primitives, macros, keys.
#include "kernel/base/number.hpp"
#include "lua/api.hpp"
#include "lua/interpreter.hpp"
#include "lua/macro_access.hpp"
#include "lua/values.hpp"
#include "macros/primitives.hpp"
#include "shell/command/hosts.hpp"
#include "shell/words/version.hpp"

namespace mars::lua {

namespace {

// A tree that cannot be read is another failure than a macro that cannot be evaluated.
std::string reason_name(const failure& why) {
    return shell::has_reason(why, "sys.root") ? "sys.root" : "view.macro";
}

int host(lua_State* L) {
    push(L, Interpreter::of(L).context().me());
    return 1;
}

int hosts(lua_State* L) {
    if (auto readable = check_tree(Interpreter::of(L)); !readable)
        return push_failure(L, readable.error().text, "sys.root");
    auto& view = Interpreter::of(L).view();
    auto resource = optional_text(L, 1);
    push(L, resource.empty() ? shell::cluster_hosts(view) : shell::hosts_of(view, resource));
    return 1;
}

int resources(lua_State* L) {
    if (auto readable = check_tree(Interpreter::of(L)); !readable)
        return push_failure(L, readable.error().text, "sys.root");
    auto& interpreter = Interpreter::of(L);
    auto who = optional_text(L, 1);
    if (who == "all")
        push(L, shell::all_resources(interpreter.view()));
    else
        push(L, shell::resources_of(interpreter.view(), who.empty() ? interpreter.context().me() : who));
    return 1;
}

// Numbers as numbers, flags as booleans.
void push_typed(lua_State* L, const std::string& text, macros::Unit unit) {
    if (unit == macros::Unit::flag) {
        lua_pushboolean(L, text != "0" && !text.empty() ? 1 : 0);
        return;
    }
    bool is_number = unit != macros::Unit::text && unit != macros::Unit::nothing && unit != macros::Unit::lines;
    if (is_number && lua_stringtonumber(L, text.c_str()) != 0) return;
    push(L, text);
}

std::string without_newline(std::string text) {
    if (text.ends_with('\n')) text.pop_back();
    return text;
}

int get(lua_State* L) {
    auto resource = check_text(L, 1);
    auto name = check_text(L, 2);
    auto text = view_macro(Interpreter::of(L), name, resource);
    if (!text) return push_failure(L, text.error().text, reason_name(text.error()));
    const auto* entry = macros::find_viewable(name);
    push_typed(L, without_newline(std::move(*text)), entry ? entry->row->unit : macros::Unit::text);
    return 1;
}

int macro(lua_State* L) {
    auto text = evaluate_macro(Interpreter::of(L), check_text(L, 1), optional_text(L, 2));
    if (!text) return push_failure(L, text.error().text, reason_name(text.error()));
    push(L, without_newline(std::move(*text)));
    return 1;
}

int key(lua_State* L) {
    if (auto readable = check_tree(Interpreter::of(L)); !readable)
        return push_failure(L, readable.error().text, "sys.root");
    auto link = Interpreter::of(L).view().get(check_text(L, 1));
    if (!link) return 0;
    push(L, link->value);
    lua_pushnumber(L, std::chrono::duration<double>(Interpreter::of(L).context().age(link->stamp)).count());
    return 2;
}

int version(lua_State* L) {
    push(L, shell::version_line());
    return 1;
}

constexpr ApiFunction kTreeFunctions[] = {
    {"host", "mars.host() → name", "The host that is acted for: the local one, or that of --host.", "", false,
     "print(mars.host())", "a", host},
    {"hosts", "mars.hosts([res]) → list", "The hosts of the cluster, or those of a resource, in natural order.",
     "sys.root", false, "print(table.concat(mars.hosts(\"r\"), \" \"))", "a b", hosts},
    {"resources", "mars.resources([host]) → list",
     "The resources of this host or another one, or with \"all\" those of the cluster.", "sys.root", false,
     "for _, res in ipairs(mars.resources()) do print(res) end", "r", resources},
    {"get", "mars.get(res, name) → value",
     "The value of a primitive or macro for a resource: what %{NAME} says there. Numbers are numbers, flags booleans, "
     "everything else strings. res may be \"\".",
     "view.macro, sys.root", false, "print(mars.get(\"r\", \"is-primary\"), mars.get(\"r\", \"get-primary\"))",
     "false\tb", get},
    {"macro", "mars.macro(text [, res]) → string", "Evaluates the text of a macro.", "view.macro, sys.root", false,
     "print(mars.macro(\"%{res} on %{host}\", \"r\"))", "r on a", macro},
    {"key", "mars.key(path) → value, age",
     "A key of the tree below /mars, and its age in seconds; nothing when it does not exist.", "sys.root", false,
     "print((mars.key(\"resource-r/primary\")))", "b", key},
    {"version", "mars.version() → string", "The version of this program.", "", false,
     "print(mars.version():match(\"^marsadm\"))", "marsadm", version},
};

} // namespace

std::span<const ApiFunction> tree_functions() {
    return kTreeFunctions;
}

} // namespace mars::lua
