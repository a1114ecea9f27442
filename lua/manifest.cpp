// SPDX-License-Identifier: GPL-2.0-or-later
#include "lua/manifest.hpp"

#include <lua.hpp>

#include <algorithm>
#include <initializer_list>
#include <map>
#include <memory>

#include "kernel/base/names.hpp"
#include "kernel/base/number.hpp"
#include "lua/values.hpp"
#include "shell/words/reason.hpp"
#include "shell/words/suggest.hpp"

namespace mars::lua {

namespace {

constexpr int kInstructions = 1'000'000;

struct CloseState {
    void operator()(lua_State* L) const { lua_close(L); }
};
using State = std::unique_ptr<lua_State, CloseState>;

void too_long(lua_State* L, lua_Debug*) {
    luaL_error(L, "a manifest is data and must not compute for long");
}

// Reads the table on top of the stack into a Manifest. Mistakes raise Lua errors, which name the field.
class Reader {
  public:
    Reader(lua_State* L, Manifest& manifest) : L_(L), manifest_(manifest) {}

    void read() {
        if (!lua_istable(L_, -1)) luaL_error(L_, "it must return a table");
        check_fields("plugin", {"name", "version", "summary", "main", "verbs", "primitives", "hooks", "tunables"});
        if (auto name = text("name"); name != manifest_.name)
            luaL_error(L_, "name is '%s', but the directory is called '%s'", name.c_str(), manifest_.name.c_str());
        manifest_.version = text("version");
        manifest_.summary = optional("summary");
        if (auto main = optional("main"); !main.empty()) manifest_.main = main;
        each("tunables", [this](const std::string& name) { read_tunable(name); });
        each("verbs", [this](const std::string& name) { read_verb(name); });
        each("primitives", [this](const std::string& name) { read_primitive(name); });
        each("hooks", [this](const std::string& name) { read_hook(name); });
    }

  private:
    std::string text(const char* field) {
        if (lua_getfield(L_, -1, field) != LUA_TSTRING) luaL_error(L_, "%s%s must be a string", at(), field);
        auto value = check_text(L_, -1);
        lua_pop(L_, 1);
        return value;
    }
    std::string optional(const char* field) {
        bool missing = lua_getfield(L_, -1, field) == LUA_TNIL;
        lua_pop(L_, 1);
        return missing ? std::string() : text(field);
    }
    bool flag(const char* field) {
        lua_getfield(L_, -1, field);
        bool value = lua_toboolean(L_, -1) != 0;
        lua_pop(L_, 1);
        return value;
    }
    const char* at() {
        place_text_ = place_.empty() ? "" : place_ + ".";
        return place_text_.c_str();
    }

    // Unknown fields are mistakes in spelling.
    void check_fields(std::string_view what, std::initializer_list<std::string_view> known) {
        lua_pushnil(L_);
        while (lua_next(L_, -2) != 0) {
            lua_pop(L_, 1);
            if (lua_type(L_, -1) != LUA_TSTRING) luaL_error(L_, "%sall fields must have names", at());
            std::string name = check_text(L_, -1);
            if (std::find(known.begin(), known.end(), name) != known.end()) continue;
            auto close = shell::suggest(name, std::vector<std::string_view>(known));
            std::string hint = close.empty() ? "" : ", did you mean " + std::string(close) + "?";
            luaL_error(L_, "%sunknown field %s of a %s%s", at(), name.c_str(), std::string(what).c_str(), hint.c_str());
        }
    }

    // Calls `read(key)` with the value on top, for each element of the table `field`, sorted by key.
    template<class Read>
    void each(const char* field, Read read) {
        if (lua_getfield(L_, -1, field) == LUA_TNIL) {
            lua_pop(L_, 1);
            return;
        }
        if (!lua_istable(L_, -1)) luaL_error(L_, "%s must be a table", field);
        std::vector<std::string> keys;
        lua_pushnil(L_);
        while (lua_next(L_, -2) != 0) {
            lua_pop(L_, 1);
            if (lua_type(L_, -1) != LUA_TSTRING) luaL_error(L_, "the keys of %s must be names", field);
            keys.push_back(check_text(L_, -1));
        }
        std::sort(keys.begin(), keys.end());
        for (const auto& key : keys) {
            place_ = std::string(field) + "[\"" + key + "\"]";
            lua_getfield(L_, -1, key.c_str());
            read(key);
            lua_pop(L_, 1);
        }
        place_.clear();
        lua_pop(L_, 1);
    }

    void need_table() {
        if (!lua_istable(L_, -1)) luaL_error(L_, "%s must be a table", place_.c_str());
    }

    void read_tunable(const std::string& name) {
        need_table();
        check_fields("tunable", {"default", "doc"});
        Tunable tunable;
        tunable.name = name;
        tunable.doc = text("doc");
        switch (lua_getfield(L_, -1, "default")) {
        case LUA_TSTRING:
            tunable.value = check_text(L_, -1);
            break;
        case LUA_TNUMBER:
            tunable.type = Tunable::Type::number;
            tunable.value = check_text(L_, -1);
            break;
        case LUA_TBOOLEAN:
            tunable.type = Tunable::Type::boolean;
            tunable.value = lua_toboolean(L_, -1) ? "1" : "0";
            break;
        default:
            luaL_error(L_, "%sdefault must be a string, number or boolean", at());
        }
        lua_pop(L_, 1);
        manifest_.tunables.push_back(std::move(tunable));
    }

    shell::ResourceArgument resource_kind() {
        static const std::map<std::string, shell::ResourceArgument> kinds{
            {"", shell::ResourceArgument::none},
            {"none", shell::ResourceArgument::none},
            {"one", shell::ResourceArgument::one},
            {"list", shell::ResourceArgument::list},
            {"optional", shell::ResourceArgument::optional}};
        auto found = kinds.find(optional("resource"));
        if (found == kinds.end()) luaL_error(L_, "%sresource must be none, one, list or optional", at());
        return found->second;
    }

    shell::ArgumentType argument_type() {
        static const std::map<std::string, shell::ArgumentType> types{
            {"", shell::ArgumentType::text},     {"text", shell::ArgumentType::text},
            {"host", shell::ArgumentType::host}, {"resource", shell::ArgumentType::resource},
            {"size", shell::ArgumentType::size}, {"address", shell::ArgumentType::address}};
        auto found = types.find(optional("type"));
        if (found == types.end()) luaL_error(L_, "%stype must be text, host, resource, size or address", at());
        return found->second;
    }

    void read_verb(const std::string& name) {
        need_table();
        check_fields("verb", {"summary", "doc", "resource", "arguments", "changes", "any_user", "run"});
        PluginVerb verb;
        verb.row.provider = "plugin " + manifest_.name;
        verb.row.name = name;
        verb.row.summary = text("summary");
        verb.row.doc = optional("doc");
        verb.row.resource = resource_kind();
        verb.row.flags = flag("changes") ? shell::kWrites : shell::kReads | shell::kInformational;
        verb.row.flags |= shell::kNoMemberCheck;
        if (flag("any_user")) verb.row.flags |= shell::kAnyUser;
        if (verb.row.resource == shell::ResourceArgument::none) verb.row.flags |= shell::kNoUuid;
        verb.function = text("run");
        if (lua_getfield(L_, -1, "arguments") == LUA_TTABLE) {
            const auto count = luaL_len(L_, -1);
            for (lua_Integer i = 1; i <= count; ++i) {
                lua_geti(L_, -1, i);
                need_table();
                check_fields("argument", {"name", "type", "doc", "optional", "repeats"});
                verb.row.arguments.push_back(
                    {text("name"), argument_type(), !flag("optional"), flag("repeats"), text("doc")});
                lua_pop(L_, 1);
            }
        }
        lua_pop(L_, 1);
        manifest_.verbs.push_back(std::move(verb));
    }

    int number(const char* field, int preset) {
        int value = preset;
        if (lua_getfield(L_, -1, field) != LUA_TNIL) value = static_cast<int>(luaL_checkinteger(L_, -1));
        lua_pop(L_, 1);
        return value;
    }

    void read_primitive(const std::string& name) {
        need_table();
        check_fields("primitive", {"doc", "min_args", "max_args", "run"});
        PluginPrimitive primitive;
        primitive.name = name;
        primitive.doc = text("doc");
        primitive.min_args = number("min_args", 0);
        primitive.max_args = number("max_args", std::max(primitive.min_args, 1));
        if (primitive.min_args < 0 || primitive.max_args < primitive.min_args)
            luaL_error(L_, "%smax_args must be at least min_args", at());
        primitive.function = text("run");
        manifest_.primitives.push_back(std::move(primitive));
    }

    void read_hook(const std::string& pattern) {
        if (lua_type(L_, -1) != LUA_TSTRING) luaL_error(L_, "%s must be the name of a function", place_.c_str());
        manifest_.hooks.push_back({pattern, check_text(L_, -1)});
    }

    lua_State* L_;
    Manifest& manifest_;
    std::string place_;
    std::string place_text_;
};

struct Job {
    const std::string& text;
    const std::string& file;
    Manifest& manifest;
};

int read_manifest(lua_State* L) {
    auto& job = *static_cast<Job*>(lua_touserdata(L, 1));
    if (luaL_loadbufferx(L, job.text.data(), job.text.size(), ("@" + job.file).c_str(), "t") != LUA_OK)
        return lua_error(L);
    lua_newtable(L);
    lua_setupvalue(L, -2, 1); // _ENV: nothing is there
    lua_call(L, 0, 1);
    Reader(L, job.manifest).read();
    return 0;
}

} // namespace

result<Manifest> parse_manifest(const std::string& directory, const std::string& text) {
    Manifest manifest;
    manifest.directory = directory;
    manifest.name = directory.substr(directory.rfind('/') + 1);
    if (!is_identifier(manifest.name))
        return shell::refusal("plugin.broken", "'" + manifest.name + "' cannot be the name of a plugin");
    State state(luaL_newstate());
    if (!state) return failure(std::errc::not_enough_memory, "no memory for Lua");
    lua_sethook(state.get(), too_long, LUA_MASKCOUNT, kInstructions);
    const auto file = directory + "/plugin.lua";
    Job job{text, file, manifest};
    lua_pushcfunction(state.get(), read_manifest);
    lua_pushlightuserdata(state.get(), &job);
    if (lua_pcall(state.get(), 1, 0, 0) == LUA_OK) return manifest;
    const char* why = lua_tostring(state.get(), -1);
    std::string message = why ? why : "an error without text";
    return shell::refusal("plugin.broken", message.starts_with(file) ? message : file + ": " + message);
}

result<void> set_tunable(Tunable& tunable, std::string_view value, const std::string& where) {
    auto mistake = [&](std::string_view expected) {
        return shell::refusal("plugin.broken", where + ": " + tunable.name + " must be " + std::string(expected) +
                                                   ", found '" + std::string(value) + "'");
    };
    switch (tunable.type) {
    case Tunable::Type::text:
        tunable.value = value;
        return {};
    case Tunable::Type::number:
        if (!parse_number<double>(value)) return mistake("a number");
        tunable.value = value;
        return {};
    case Tunable::Type::boolean:
        if (value != "0" && value != "1" && value != "true" && value != "false") return mistake("true or false");
        tunable.value = value == "1" || value == "true" ? "1" : "0";
        return {};
    }
    return {};
}

} // namespace mars::lua
