// SPDX-License-Identifier: GPL-2.0-or-later
#include "lua/lua_scripting.hpp"

#include "lua/api.hpp"
#include "lua/state_watch.hpp"

namespace mars::lua {

LuaScripting::LuaScripting(shell::Surroundings& surroundings, shell::Options defaults, PluginSettings settings,
                           Shell shell)
    : surroundings_(surroundings), plugins_(surroundings, std::move(defaults), std::move(settings)),
      shell_(std::move(shell)) {
    verbs_.set_source([this](shell::VerbRegistry& registry) { plugins_.add_verbs(registry); });
    surroundings_.hooks = &plugins_;
    surroundings_.verbs = &verbs_;
    surroundings_.scripting = this;
}

LuaScripting::~LuaScripting() {
    surroundings_.hooks = nullptr;
    surroundings_.verbs = nullptr;
    surroundings_.scripting = nullptr;
}

env::task<result<int>> LuaScripting::run_file(shell::VerbContext& ctx, std::string path,
                                              std::vector<std::string> args) {
    Interpreter interpreter(surroundings_, ctx.options());
    co_return co_await interpreter.run_file(std::move(path), std::move(args));
}

env::task<result<int>> LuaScripting::run_code(shell::VerbContext& ctx, std::string code,
                                              std::vector<std::string> args) {
    Interpreter interpreter(surroundings_, ctx.options());
    MARS_CO_TRY_VOID(interpreter.set_arguments("-e", args));
    co_return co_await interpreter.run_code(std::move(code), "=(-e)");
}

env::task<result<int>> LuaScripting::run_shell(shell::VerbContext& ctx, std::string path) {
    if (!shell_) co_return shell::refusal("verb.nyi", "there is no shell in this program");
    co_return co_await shell_(ctx, std::move(path));
}

std::vector<shell::PluginReport> LuaScripting::plugins() {
    return plugins_.reports();
}

shell::PluginReport LuaScripting::check_plugin(shell::VerbContext&, std::string directory) {
    return plugins_.check(directory);
}

env::task<result<void>> LuaScripting::watch_state(shell::VerbContext& ctx) {
    Interpreter interpreter(surroundings_, ctx.options());
    StateWatch watch(interpreter, plugins_);
    co_return co_await watch.run();
}

std::string LuaScripting::lua_reference(const std::string& format) {
    return format == "man" ? api_man_page() : api_reference();
}

} // namespace mars::lua
