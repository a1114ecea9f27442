// SPDX-License-Identifier: GPL-2.0-or-later
#include "lua/lua_scripting.hpp"

#include "lua/api.hpp"
#include "lua/state_watch.hpp"

namespace mars::lua {

namespace {

// Completes `surroundings` before the plugins take their copy.
const shell::Surroundings& extended(shell::Surroundings& surroundings, shell::VerbRegistry& verbs,
                                    macros::AddedPrimitives& primitives, shell::Scripting& scripting) {
    surroundings.verbs = &verbs;
    surroundings.primitives = &primitives;
    surroundings.scripting = &scripting;
    return surroundings;
}

// A program ends at the first print that nobody reads, or that finds no room. Not in the middle of a verb, and no hook
// of a plugin: those belong to a verb.
void end_with_reader(Interpreter& interpreter, const shell::Output& output) {
    interpreter.machine().end_when([&output] { return !output.reaches_reader(); }, shell::kNobodyReads);
}

} // namespace

LuaScripting::LuaScripting(shell::Surroundings& surroundings, shell::Options defaults, PluginSettings settings,
                           Shell shell)
    : surroundings_(surroundings), without_plugins_(surroundings.verbs), verbs_(without_plugins_->built_in()),
      plugins_(extended(surroundings, verbs_, primitives_, *this), std::move(defaults), std::move(settings)),
      shell_(std::move(shell)) {
    verbs_.set_source([this](shell::VerbRegistry& registry) { plugins_.add_verbs(registry); });
    primitives_.set_source([this](macros::AddedPrimitives&) { add_primitives(); });
    surroundings_.hooks = &plugins_;
}

LuaScripting::~LuaScripting() {
    surroundings_.primitives = nullptr;
    surroundings_.hooks = nullptr;
    surroundings_.verbs = without_plugins_;
    surroundings_.scripting = nullptr;
}

void LuaScripting::add_primitives() {
    for (const auto* row : plugins_.primitives()) {
        macros::AddedPrimitive primitive;
        primitive.name = row->name;
        for (int i = 1; i <= row->max_args; ++i) primitive.usage += "{" + std::to_string(i) + "}";
        if (primitive.usage.empty()) primitive.usage = "{}";
        primitive.min_args = row->min_args;
        primitive.max_args = row->max_args;
        primitive.doc = row->doc;
        primitive.function = [this, name = row->name](const std::vector<std::string>& arguments) {
            return plugins_.call_primitive(name, arguments);
        };
        auto added = primitives_.add(std::move(primitive));
        if (!added) surroundings_.output.warning("a primitive of a plugin is not used: " + added.error().text);
    }
}

env::task<result<int>> LuaScripting::run_file(shell::VerbContext& ctx, std::string path,
                                              std::vector<std::string> args) {
    Interpreter interpreter(surroundings_, ctx.options());
    end_with_reader(interpreter, surroundings_.output);
    co_return co_await interpreter.run_file(std::move(path), std::move(args));
}

env::task<result<int>> LuaScripting::run_code(shell::VerbContext& ctx, std::string code,
                                              std::vector<std::string> args) {
    Interpreter interpreter(surroundings_, ctx.options());
    end_with_reader(interpreter, surroundings_.output);
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
