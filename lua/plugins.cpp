// SPDX-License-Identifier: GPL-2.0-or-later
#include "lua/plugins.hpp"

#include <algorithm>
#include <filesystem>

#include "kernel/base/plain_text.hpp"
#include "kernel/env/deadline.hpp"
#include "lua/values.hpp"
#include "shell/local/trust.hpp"
#include "shell/words/reason.hpp"

namespace mars::lua {

namespace {

namespace fs = std::filesystem;

// The environment of a plugin's code: its own globals above the common ones, `plugin`, and a require that first looks
// into its directory.
constexpr std::string_view kPrelude = R"lua(
local plugin, text, file = ...
local common_require = require
local env = setmetatable({plugin = plugin}, {__index = _G})
local loaded = {}
function env.require(name)
  if loaded[name] == nil then
    local path = plugin.directory .. '/' .. name:gsub('%.', '/') .. '.lua'
    local exists = io.open(path)
    if not exists then return common_require(name) end
    exists:close()
    local value = assert(loadfile(path, 't', env))(name, path)
    loaded[name] = value == nil and true or value
  end
  return loaded[name]
end
local functions = assert(load(text, '@' .. file, 't', env))()
if type(functions) ~= 'table' then error(file .. ' must return a table of functions', 0) end
return functions
)lua";

} // namespace

Plugins::Plugins(const shell::Surroundings& surroundings, shell::Options defaults, PluginSettings settings)
    : surroundings_(surroundings), defaults_(std::move(defaults)), settings_(std::move(settings)) {
    surroundings_.hooks = nullptr;
}

Plugins::~Plugins() {
    plugins_.clear(); // the references before the interpreter
}

Interpreter& Plugins::interpreter() {
    if (!interpreter_) interpreter_ = std::make_unique<Interpreter>(surroundings_, defaults_);
    return *interpreter_;
}

void Plugins::disable(Plugin& plugin, const std::string& why) {
    plugin.trouble = why;
    surroundings_.output.warning("plugin " + plugin.directory + " is not used: " + why);
}

Plugins::Plugin Plugins::read(const std::string& directory) {
    Plugin plugin;
    plugin.directory = directory;
    plugin.distrust = shell::distrust_tree(directory);
    if (plugin.distrust) plugin.trouble = plugin.distrust->text;
    auto step = [&]() -> result<void> {
        MARS_TRY(auto text, surroundings_.env.storage().read_file(directory + "/plugin.lua", kFileBytes));
        MARS_TRY(plugin.manifest, parse_manifest(directory, plain_text(text)));
        return configure(plugin.manifest, settings_, surroundings_.env.storage());
    };
    if (plugin.trouble.empty())
        if (auto done = step(); !done) plugin.trouble = done.error().text;
    if (plugin.manifest.name.empty()) plugin.manifest.name = fs::path(directory).filename().string();
    return plugin;
}

void Plugins::read_all() {
    if (std::exchange(is_read_, true)) return;
    for (const auto& place : settings_.path) {
        std::vector<std::string> found;
        std::error_code error;
        for (const auto& entry : fs::directory_iterator(place, error))
            if (entry.is_directory(error) && fs::exists(entry.path() / "plugin.lua", error))
                found.push_back(fs::absolute(entry.path()).lexically_normal().string());
        std::sort(found.begin(), found.end());
        for (const auto& directory : found) {
            auto plugin = std::make_unique<Plugin>(read(directory));
            auto is_same = [&](const auto& other) { // what is not trusted hides nothing
                return other->manifest.name == plugin->manifest.name && !other->distrust;
            };
            bool hidden = std::any_of(plugins_.begin(), plugins_.end(), is_same);
            if (hidden) continue;
            if (plugin->distrust)
                shell::warn_of(surroundings_.output, "the plugin " + directory, *plugin->distrust);
            else if (!plugin->trouble.empty())
                disable(*plugin, plugin->trouble);
            plugins_.push_back(std::move(plugin));
        }
    }
}

namespace {

void push_tunables(lua_State* L, const Manifest& manifest) {
    lua_newtable(L);
    for (const auto& tunable : manifest.tunables) {
        switch (tunable.type) {
        case Tunable::Type::text:
            push(L, tunable.value);
            break;
        case Tunable::Type::number:
            lua_stringtonumber(L, tunable.value.c_str());
            break;
        case Tunable::Type::boolean:
            lua_pushboolean(L, tunable.value == "1" ? 1 : 0);
            break;
        }
        lua_setfield(L, -2, tunable.name.c_str());
    }
}

struct LoadJob {
    const Manifest& manifest;
    const std::string& text;
    const std::string& file;
    Reference functions;
};

int load_plugin(lua_State* L) {
    auto& job = *static_cast<LoadJob*>(lua_touserdata(L, 1));
    if (luaL_loadbufferx(L, kPrelude.data(), kPrelude.size(), "=plugin", "t") != LUA_OK) return lua_error(L);
    lua_newtable(L);
    set_field(L, "name", job.manifest.name);
    set_field(L, "version", job.manifest.version);
    set_field(L, "directory", job.manifest.directory);
    push_tunables(L, job.manifest);
    lua_setfield(L, -2, "tunables");
    push(L, job.text);
    push(L, job.file);
    lua_call(L, 3, 1);
    job.functions = Reference(L);
    return 0;
}

} // namespace

result<void> Plugins::load(Plugin& plugin) {
    if (plugin.is_loaded) return {};
    const auto file = plugin.directory + "/" + plugin.manifest.main;
    if (auto why = shell::distrust(file)) return shell::refusal("plugin.broken", why->text);
    MARS_TRY(auto text, surroundings_.env.storage().read_file(file, kFileBytes));
    text = plain_text(text);
    LoadJob job{plugin.manifest, text, file, {}};
    if (auto loaded = interpreter().machine().protect(load_plugin, &job); !loaded)
        return shell::refusal("plugin.broken", loaded.error().text);
    plugin.functions = std::move(job.functions);
    plugin.is_loaded = true;
    return {};
}

result<void> Plugins::push_function(lua_State* L, Plugin& plugin, const std::string& name) {
    MARS_TRY_VOID(load(plugin));
    plugin.functions.push(L);
    lua_pushlstring(L, name.data(), name.size());
    bool is_function = lua_rawget(L, -2) == LUA_TFUNCTION;
    lua_remove(L, -2);
    if (is_function) return {};
    lua_pop(L, 1);
    return shell::refusal("plugin.broken", plugin.directory + "/" + plugin.manifest.main + " has no function " + name +
                                               ", which plugin.lua names");
}

bool Plugins::listens(std::string_view name) {
    read_all();
    for (const auto& plugin : plugins_) {
        if (!plugin->trouble.empty()) continue;
        for (const auto& hook : plugin->manifest.hooks)
            if (shell::matches_event(hook.pattern, name)) return true;
    }
    return false;
}

env::task<result<void>> Plugins::call_hook(Plugin& plugin, const PluginHook& hook, const shell::Event& event) {
    Thread thread(interpreter().machine());
    if (auto pushed = push_function(thread.L(), plugin, hook.function); !pushed) {
        disable(plugin, pushed.error().text);
        co_return result<void>();
    }
    push_event(thread.L(), event);
    auto call = thread.run(1);
    if (event.limit > Duration{})
        call = env::with_deadline(surroundings_.env, event.limit, hook.function + "()", std::move(call));
    auto count = co_await std::move(call);
    if (!count && count.error().is(std::errc::timed_out))
        co_return failure(std::errc::timed_out,
                          count.error().text + "; next: find out what it waits for, or --hook-timeout=S");
    if (!count) co_return count.error();
    co_return verdict(thread.L(), *count);
}

env::task<result<void>> Plugins::fire(shell::Event event) {
    read_all();
    for (std::size_t i = 0; i < plugins_.size(); ++i) {
        auto& plugin = *plugins_[i];
        for (const auto& hook : plugin.manifest.hooks) {
            if (!plugin.trouble.empty() || !shell::matches_event(hook.pattern, event.name)) continue;
            const auto who = "plugin " + plugin.manifest.name;
            if (event.dry_run) {
                surroundings_.output.info("would call " + who + " at " + event.name);
                continue;
            }
            auto called = co_await call_hook(plugin, hook, event);
            if (called) continue;
            auto why = who + (shell::is_before(event.name) ? " refuses " : " failed at ") + event.name +
                       (event.resource.empty() ? "" : " of resource " + event.resource) + ": " + called.error().text;
            if (shell::is_before(event.name) && !event.forced) co_return shell::refusal("hook.failed", why);
            surroundings_.output.warning(why + (shell::is_before(event.name) ? " (ignored because of --force)" : ""));
        }
    }
    co_return result<void>();
}

namespace {

// What a plugin's verb is called with.
void push_call(lua_State* L, shell::VerbContext& ctx) {
    lua_newtable(L);
    set_field(L, "verb", ctx.request().spelling);
    set_field(L, "resource", ctx.resource());
    set_field(L, "host", ctx.me());
    push(L, ctx.request().arguments);
    lua_setfield(L, -2, "arguments");
    lua_pushboolean(L, ctx.is_forced() ? 1 : 0);
    lua_setfield(L, -2, "force");
    lua_pushboolean(L, ctx.is_dry_run() ? 1 : 0);
    lua_setfield(L, -2, "dry_run");
    set_field(L, "verbose", ctx.options().verbose);
}

} // namespace

env::task<result<shell::Step>> Plugins::run_verb(Plugin& plugin, const std::string& function, shell::VerbContext& ctx) {
    Thread thread(interpreter().machine());
    MARS_CO_TRY_VOID(push_function(thread.L(), plugin, function));
    push_call(thread.L(), ctx);
    MARS_CO_TRY(int count, co_await thread.run(1));
    const int first = lua_gettop(thread.L()) - count + 1;
    if (count > 1 && !lua_toboolean(thread.L(), first)) {
        std::string why =
            lua_isstring(thread.L(), first + 1) ? check_text(thread.L(), first + 1) : "no reason is given";
        co_return shell::refusal("plugin.failed", std::move(why));
    }
    if (count > 0 && lua_isstring(thread.L(), first)) {
        auto text = check_text(thread.L(), first);
        if (text.ends_with('\n')) text.pop_back();
        ctx.out().answer(text);
    }
    co_return shell::Step::done;
}

void Plugins::add_verbs(shell::VerbRegistry& registry) {
    read_all();
    for (auto& plugin : plugins_) {
        if (!plugin->trouble.empty()) continue;
        for (const auto& verb : plugin->manifest.verbs) {
            auto row = verb.row;
            row.run = [this, owner = plugin.get(), function = verb.function](shell::VerbContext& ctx) {
                return run_verb(*owner, function, ctx);
            };
            if (auto added = registry.add(std::move(row)); !added) disable(*plugin, added.error().text);
        }
    }
}

shell::PluginReport Plugins::report(const Plugin& plugin) const {
    shell::PluginReport report;
    const auto& manifest = plugin.manifest;
    report.name = manifest.name;
    report.version = manifest.version;
    report.directory = plugin.directory;
    report.summary = manifest.summary;
    report.trouble = plugin.trouble;
    for (const auto& verb : manifest.verbs) report.offers.push_back("verb " + verb.row.name);
    for (const auto& primitive : manifest.primitives) report.offers.push_back("primitive " + primitive.name);
    for (const auto& hook : manifest.hooks) report.offers.push_back("hook " + hook.pattern);
    for (const auto& tunable : manifest.tunables)
        report.offers.push_back("tunable " + manifest.name + "." + tunable.name + " = " + tunable.value + " (" +
                                tunable.doc + ")");
    return report;
}

std::vector<shell::PluginReport> Plugins::reports() {
    read_all();
    std::vector<shell::PluginReport> all;
    for (const auto& plugin : plugins_) all.push_back(report(*plugin));
    return all;
}

shell::PluginReport Plugins::check(const std::string& directory) {
    auto plugin = read(fs::absolute(directory).lexically_normal().string());
    if (!plugin.trouble.empty()) return report(plugin);
    std::vector<std::string> names;
    for (const auto& verb : plugin.manifest.verbs) names.push_back(verb.function);
    for (const auto& primitive : plugin.manifest.primitives) names.push_back(primitive.function);
    for (const auto& hook : plugin.manifest.hooks) names.push_back(hook.function);
    Thread thread(interpreter().machine());
    if (auto loaded = load(plugin); !loaded) plugin.trouble = loaded.error().text;
    for (const auto& name : names) {
        if (!plugin.trouble.empty()) break;
        if (auto pushed = push_function(thread.L(), plugin, name); !pushed) plugin.trouble = pushed.error().text;
    }
    return report(plugin);
}

std::vector<const PluginPrimitive*> Plugins::primitives() {
    read_all();
    std::vector<const PluginPrimitive*> all;
    for (const auto& plugin : plugins_)
        if (plugin->trouble.empty())
            for (const auto& primitive : plugin->manifest.primitives) all.push_back(&primitive);
    return all;
}

result<std::string> Plugins::call_primitive(const std::string& name, const std::vector<std::string>& arguments) {
    read_all();
    for (auto& plugin : plugins_) {
        if (!plugin->trouble.empty()) continue;
        for (const auto& primitive : plugin->manifest.primitives) {
            if (primitive.name != name) continue;
            Thread thread(interpreter().machine());
            MARS_TRY_VOID(push_function(thread.L(), *plugin, primitive.function));
            for (const auto& argument : arguments) push(thread.L(), argument);
            MARS_TRY(int count, thread.call(static_cast<int>(arguments.size())));
            const int first = lua_gettop(thread.L()) - count + 1;
            if (count > 1 && lua_isnil(thread.L(), first))
                return shell::refusal("plugin.failed", lua_isstring(thread.L(), first + 1)
                                                           ? lua_tostring(thread.L(), first + 1)
                                                           : "no reason is given");
            if (count == 0 || lua_isnil(thread.L(), first)) return std::string();
            if (lua_isboolean(thread.L(), first)) return std::string(lua_toboolean(thread.L(), first) ? "1" : "0");
            if (!lua_isstring(thread.L(), first))
                return shell::refusal("plugin.failed", "a string or number was expected as result");
            return check_text(thread.L(), first);
        }
    }
    return shell::refusal("plugin.broken", "no plugin has a primitive " + name);
}

} // namespace mars::lua
