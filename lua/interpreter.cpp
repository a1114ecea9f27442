// SPDX-License-Identifier: GPL-2.0-or-later
#include "lua/interpreter.hpp"

#include <algorithm>

#include "kernel/base/plain_text.hpp"
#include "lua/api.hpp"
#include "lua/show.hpp"
#include "lua/values.hpp"

namespace mars::lua {

namespace {
constexpr std::size_t kProgramBytes = std::size_t{64} << 20;
} // namespace

void ScriptHooks::add(std::string pattern, Reference function) {
    auto listener = std::make_unique<Listener>();
    listener->pattern = std::move(pattern);
    listener->function = std::move(function);
    listeners_.push_back(std::move(listener));
}

bool ScriptHooks::listens(std::string_view name) {
    if (others_ && others_->listens(name)) return true;
    return std::any_of(listeners_.begin(), listeners_.end(),
                       [&](const auto& listener) { return shell::matches_event(listener->pattern, name); });
}

env::task<result<void>> ScriptHooks::fire(shell::Event event) {
    MARS_CO_TRY_VOID(co_await shell::fire(others_, event));
    if (event.dry_run) co_return result<void>();
    for (std::size_t i = 0; i < listeners_.size(); ++i) { // a listener may add others
        if (!shell::matches_event(listeners_[i]->pattern, event.name)) continue;
        Thread thread(machine_);
        listeners_[i]->function.push(thread.L());
        push_event(thread.L(), event);
        MARS_CO_TRY(int count, co_await thread.run(1));
        auto verdict_given = verdict(thread.L(), count);
        if (!verdict_given && shell::is_before(event.name) && !event.forced)
            co_return shell::refusal("hook.failed",
                                     "the script refuses " + event.name + ": " + verdict_given.error().text);
    }
    co_return result<void>();
}

void push_event(lua_State* L, const shell::Event& event) {
    lua_newtable(L);
    for (const auto& [name, value] : event.values) set_field(L, name.c_str(), value);
    set_field(L, "name", event.name);
    set_field(L, "resource", event.resource);
    set_field(L, "host", event.host);
    lua_pushboolean(L, event.forced ? 1 : 0);
    lua_setfield(L, -2, "forced");
}

result<void> verdict(lua_State* L, int count) {
    if (count == 0) return {};
    const int first = lua_gettop(L) - count + 1;
    bool consents = lua_toboolean(L, first) != 0 || (count == 1 && lua_isnil(L, first));
    if (consents) return {};
    std::string why = count > 1 && lua_isstring(L, first + 1) ? check_text(L, first + 1) : "no reason is given";
    return shell::refusal("hook.failed", std::move(why));
}

namespace {

shell::Request view_request(const shell::Surroundings& surroundings, const shell::Options& options) {
    shell::Request request;
    request.verb = surroundings.registry().find_built_in("view");
    request.spelling = "view";
    request.options = options;
    return request;
}

shell::Surroundings inner(const shell::Surroundings& outer, shell::Hooks& hooks) {
    auto copy = outer;
    copy.hooks = &hooks;
    return copy;
}

} // namespace

Interpreter::Interpreter(shell::Surroundings& outer, shell::Options defaults, MachineLimits limits)
    : outer_(outer), defaults_(std::move(defaults)), machine_(outer.env, limits), hooks_(machine_, outer.hooks),
      surroundings_(inner(outer, hooks_)) {
    set_defaults(defaults_);
    machine_.user = this;
    if (auto opened = machine_.protect(open_api, nullptr); !opened) panic("the Lua API: " + opened.error().text);
}

void Interpreter::set_defaults(shell::Options defaults) {
    defaults_ = std::move(defaults);
    request_ = view_request(surroundings_, defaults_);
    view_ = std::make_unique<tree::DiskView>(outer_.env, defaults_.root);
    context_ = std::make_unique<shell::VerbContext>(surroundings_, *view_, request_, std::vector<std::string>(),
                                                    std::string());
}

Interpreter::~Interpreter() = default;

Interpreter& Interpreter::of(lua_State* L) {
    return *static_cast<Interpreter*>(Machine::of(L).user);
}

namespace {

struct Arguments {
    const std::string& program;
    const std::vector<std::string>& words;
};

int set_globals(lua_State* L) {
    const auto& given = *static_cast<const Arguments*>(lua_touserdata(L, 1));
    push(L, given.words);
    push(L, given.program);
    lua_rawseti(L, -2, 0);
    lua_setglobal(L, "arg");
    if (given.program == "-e") return 0; // typed, and beside nothing
    auto slash = given.program.rfind('/');
    std::string directory = slash == std::string::npos ? "." : given.program.substr(0, slash);
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "path");
    auto path = directory + "/?.lua;" + check_text(L, -1);
    lua_pop(L, 1);
    set_field(L, "path", path);
    return 0;
}

} // namespace

result<void> Interpreter::set_arguments(const std::string& program, const std::vector<std::string>& arguments) {
    Arguments given{program, arguments};
    return machine_.protect(set_globals, &given);
}

env::task<result<int>> Interpreter::run_file(std::string path, std::vector<std::string> arguments) {
    MARS_CO_TRY(auto text, outer_.env.storage().read_file(path, kProgramBytes));
    text = plain_text(text);
    if (text.starts_with('#')) text.insert(0, "--"); // "#!" of an executable script
    MARS_CO_TRY_VOID(set_arguments(path, arguments));
    Thread thread(machine_);
    int status = luaL_loadbufferx(thread.L(), text.data(), text.size(), ("@" + path).c_str(), "t");
    if (status != LUA_OK) co_return machine_.error_of(thread.L(), status);
    for (const auto& argument : arguments) push(thread.L(), argument);
    auto ran = co_await thread.run(static_cast<int>(arguments.size()));
    if (machine_.exit_status()) co_return *machine_.exit_status();
    if (!ran) co_return ran.error();
    co_return 0;
}

result<void> Interpreter::compile(Thread& thread, const std::string& code, const std::string& name,
                                  bool& is_incomplete) {
    is_incomplete = false;
    const auto expression = "return " + code;
    auto* L = thread.L();
    auto ends_early = [L](int status) {
        const char* message = lua_tostring(L, -1);
        return status == LUA_ERRSYNTAX && message && std::string_view(message).ends_with("<eof>");
    };
    int status = luaL_loadbufferx(L, expression.data(), expression.size(), name.c_str(), "t");
    if (status == LUA_OK) return {};
    is_incomplete = ends_early(status); // "1 +"
    lua_pop(L, 1);
    status = luaL_loadbufferx(L, code.data(), code.size(), name.c_str(), "t");
    if (status == LUA_OK) {
        is_incomplete = false;
        return {};
    }
    is_incomplete = is_incomplete || ends_early(status);
    return machine_.error_of(L, status);
}

namespace {

int show_all(lua_State* L) {
    push(L, show_values(L, lua_gettop(L)));
    return 1;
}

} // namespace

env::task<result<void>> Interpreter::call_and_show(Thread& thread) {
    auto count = co_await thread.run(0);
    if (machine_.exit_status()) co_return result<void>();
    if (!count) co_return count.error();
    if (*count == 0) co_return result<void>();
    // Inside Lua, since metamethods may fail.
    lua_pushcfunction(thread.L(), show_all);
    lua_insert(thread.L(), -*count - 1);
    MARS_CO_TRY(count, co_await thread.run(*count));
    surroundings_.output.answer(check_text(thread.L(), -1));
    co_return result<void>();
}

env::task<result<int>> Interpreter::run_code(std::string code, std::string name) {
    Thread thread(machine_);
    bool is_incomplete = false;
    MARS_CO_TRY_VOID(compile(thread, code, name, is_incomplete));
    MARS_CO_TRY_VOID(co_await call_and_show(thread));
    co_return machine_.exit_status().value_or(0);
}

} // namespace mars::lua
